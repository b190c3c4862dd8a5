"""Conversations: questions that follow each other, and answers that go on without a watcher."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import Response

from app.access.rights import Right
from app.answering.conversation import NewTurn, leaf_of, path_to
from app.answering.feedback import Feedback
from app.documents.model import KnowledgeBase
from app.retrieval.query import Query as Asked
from app.retrieval.query import checked
from app.retrieval.query_syntax import narrowed
from app.services import Services
from app.web.access import needs
from app.web.api.conversation import (
    ConversationReply,
    ConversationShape,
    ConversationsReply,
    FeedbackBody,
    QuestionBody,
    ShareReply,
    TitleBody,
    TurnShape,
    answer_of,
    written_of,
)
from app.web.api.shape import LARGEST_ID, errors, reply
from app.web.event_stream import EVENT_STREAM, EventStream, while_admitted
from app.web.live import Live
from app.web.markdown import as_markdown
from app.web.reader import Asker
from app.web.wiring import ReadableKnowledgeBase, Wired, further_bases

router = APIRouter(tags=["Conversations"])

ConversationId = Annotated[
    int, Path(ge=1, le=LARGEST_ID, description="The conversation's id.", examples=[5])
]
TurnId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The turn's id.", examples=[9])]


@router.post(
    "/knowledge-bases/{name}/conversations",
    response_model=TurnShape,
    status_code=201,
    responses=errors(404, 422),
)
@needs(Right.ASK)
def begin_conversation(
    base: ReadableKnowledgeBase,
    asked: Annotated[QuestionBody, Body()],
    services: Wired,
    live: Live,
    asker: Asker,
) -> Response:
    """Ask a question that begins a conversation; its answer is written whoever watches.

    The conversation belongs to the browser that began it, which is known by a cookie.
    """
    new, further = _new_turn(services, base, asked)
    turn = services.conversations.begin(asker.owner, base, new)
    live.begin(services, (base, *further), turn, ())
    response = reply(TurnShape.of(turn), 201)
    asker.keep(response)
    return response


@router.get("/conversations", response_model=ConversationsReply)
@needs(Right.ASK)
def list_conversations(
    services: Wired,
    asker: Asker,
    q: Annotated[str, Query(max_length=200, description="Words of a title or question.")] = "",
) -> Response:
    """Your conversations, the last used first: at most 100."""
    found = services.conversations.list(asker.owner, q)
    return reply(ConversationsReply(conversations=tuple(map(ConversationShape.of, found))))


@router.get(
    "/conversations/{conversation_id}", response_model=ConversationReply, responses=errors(404, 422)
)
@needs(Right.ASK)
def get_conversation(conversation_id: ConversationId, services: Wired, asker: Asker) -> Response:
    """A conversation and its turns."""
    conversation, turns = services.conversations.get(asker.owner, conversation_id)
    return reply(
        ConversationReply(
            conversation=ConversationShape.of(conversation),
            turns=tuple(map(TurnShape.of, turns)),
        )
    )


@router.patch(
    "/conversations/{conversation_id}", response_model=ConversationShape, responses=errors(404, 422)
)
@needs(Right.ASK)
def rename_conversation(
    conversation_id: ConversationId,
    body: Annotated[TitleBody, Body()],
    services: Wired,
    asker: Asker,
) -> Response:
    """Give a conversation another title."""
    renamed = services.conversations.rename(asker.owner, conversation_id, body.title)
    return reply(ConversationShape.of(renamed))


@router.delete("/conversations/{conversation_id}", status_code=204, responses=errors(404, 422))
@needs(Right.ASK)
def delete_conversation(conversation_id: ConversationId, services: Wired, asker: Asker) -> None:
    """Delete a conversation; for an hour it can be restored."""
    services.conversations.delete(asker.owner, conversation_id)


@router.post(
    "/conversations/{conversation_id}/restore", status_code=204, responses=errors(404, 422)
)
@needs(Right.ASK)
def restore_conversation(conversation_id: ConversationId, services: Wired, asker: Asker) -> None:
    """Bring a deleted conversation back."""
    services.conversations.restore(asker.owner, conversation_id)


@router.post(
    "/conversations/{conversation_id}/turns",
    response_model=TurnShape,
    status_code=201,
    responses=errors(404, 422),
)
@needs(Right.ASK)
def ask_in_conversation(
    conversation_id: ConversationId,
    asked: Annotated[QuestionBody, Body()],
    services: Wired,
    live: Live,
    asker: Asker,
) -> Response:
    """Ask a follow-up, or, with the parent of another turn, the same again or in other words."""
    conversation, turns = services.conversations.get(asker.owner, conversation_id)
    base = services.knowledge_bases.get(conversation.knowledge_base)
    new, further = _new_turn(services, base, asked)
    turn = services.conversations.add(asker.owner, conversation_id, new)
    before = tuple(one.question for one in path_to(turns, asked.parent))
    live.begin(services, (base, *further), turn, before)
    return reply(TurnShape.of(turn), 201)


@router.get(
    "/conversations/{conversation_id}/markdown",
    response_class=Response,
    responses={**errors(404, 422), 200: {"content": {"text/markdown": {}}}},
)
@needs(Right.ASK)
def export_conversation(
    conversation_id: ConversationId, services: Wired, asker: Asker, request: Request
) -> Response:
    """A conversation as Markdown, its citations as footnotes with their quotes."""
    conversation, turns = services.conversations.get(asker.owner, conversation_id)
    told = [
        (turn.question, answer_of(turn) or written_of(turn), turn.state)
        for turn in path_to(turns, leaf_of(turns, None))
    ]
    return Response(
        as_markdown(conversation.title, told, str(request.base_url)),
        media_type="text/markdown; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="conversation-{conversation.id}.md"'
        },
    )


@router.post(
    "/conversations/{conversation_id}/share", response_model=ShareReply, responses=errors(404, 422)
)
@needs(Right.ASK)
def share_conversation(conversation_id: ConversationId, services: Wired, asker: Asker) -> Response:
    """Make a link by which anyone who has it can read the conversation; an older one ends."""
    return reply(
        ShareReply(url=f"/shared/{services.conversations.share(asker.owner, conversation_id)}")
    )


@router.delete(
    "/conversations/{conversation_id}/share", status_code=204, responses=errors(404, 422)
)
@needs(Right.ASK)
def revoke_share(conversation_id: ConversationId, services: Wired, asker: Asker) -> None:
    """Let the link show nothing from now on."""
    services.conversations.revoke(asker.owner, conversation_id)


@router.get(
    "/turns/{turn_id}/events",
    response_class=EventStream,
    responses={**errors(404, 422), 200: {"content": {EVENT_STREAM: {}}}},
)
@needs(Right.ASK)
def follow_answer(
    turn_id: TurnId, services: Wired, live: Live, asker: Asker, request: Request
) -> EventStream:
    """All that was said of an answer, and what will be: `understood`, then as for an answer.

    The last event is `answer`, `error` or `stopped`. To leave stops nothing; to come back tells it
    all again.
    """
    turn = services.conversations.turn(asker.owner, turn_id)
    told = live.follow(services, asker.owner, turn)
    return EventStream(while_admitted(request, told))


@router.put("/turns/{turn_id}/feedback", status_code=204, responses=errors(404, 422))
@needs(Right.ASK)
def give_feedback(
    turn_id: TurnId, body: Annotated[FeedbackBody, Body()], services: Wired, asker: Asker
) -> None:
    """Say whether an answer is good, and if not, why, and what it should have said."""
    given = Feedback(body.good, body.reason, body.correction)
    services.feedback.give(asker.owner, turn_id, given)


@router.post("/turns/{turn_id}/stop", status_code=204, responses=errors(404, 422))
@needs(Right.ASK)
def stop_answer(turn_id: TurnId, services: Wired, live: Live, asker: Asker) -> None:
    """Stop an answer; what was written is kept."""
    services.conversations.turn(asker.owner, turn_id)
    if not live.stop(turn_id):
        services.turns.ask_to_stop(turn_id)


def _new_turn(
    services: Services, base: KnowledgeBase, asked: QuestionBody
) -> tuple[NewTurn, tuple[KnowledgeBase, ...]]:
    """What is asked, and the further knowledge bases that it is asked of."""
    checked(narrowed(Asked(asked.question, asked.documents), asked.only), asked.top_k)
    if asked.standalone:
        checked(Asked(asked.standalone, asked.documents), asked.top_k)
    further = further_bases(services, base, asked.further)
    ids = tuple(each.id for each in further)
    services.documents.require([base.id, *ids], asked.documents)
    new = NewTurn(
        asked.question,
        asked.standalone,
        asked.top_k,
        asked.documents,
        asked.parent,
        asked.way,
        asked.only,
        ids,
    )
    return new, further
