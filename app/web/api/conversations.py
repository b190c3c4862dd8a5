"""Conversations: questions that follow each other, and answers that go on without a watcher."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from app.access.rights import Right
from app.answering.answer import Approach
from app.answering.conversations import (
    LONGEST_ONLY,
    MOST_FURTHER,
    Conversation,
    NewTurn,
    State,
    Turn,
)
from app.answering.feedback import LONGEST_CORRECTION, Feedback, Reason
from app.documents.model import KnowledgeBase
from app.retrieval.passage import Query as Asked
from app.retrieval.query_syntax import narrowed
from app.retrieval.retriever import checked
from app.services import Services
from app.web.access import needs
from app.web.api.answer import (
    AnswerShape,
    CountsShape,
    ReadingData,
    SentenceData,
    SentenceShape,
)
from app.web.api.passage import PassageShape
from app.web.api.shape import LARGEST_ID, Shape, errors, reply
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


class QuestionBody(Shape):
    """A question of a conversation."""

    question: str = Field(examples=["And when does it turn back?"])
    """At most 8,000 characters."""
    top_k: int = 8
    """How many passages are read at most: 1 to 200."""
    documents: tuple[Annotated[int, Field(ge=1, le=LARGEST_ID)], ...] = ()
    """Answer only from the documents of these ids."""
    only: str = Field(default="", max_length=LONGEST_ONLY, examples=["type:pdf after:2026-01-31"])
    """Answer only from what meets these conditions, written as in a search."""
    parent: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = None
    """The turn that it follows; null begins anew. Turns with the same parent are branches."""
    way: Approach = "quick"
    """`thorough` looks for each part of a question by itself."""
    standalone: str = ""
    """What to look for; rewritten from the question and those before it unless given."""
    further: tuple[str, ...] = Field(default=(), max_length=MOST_FURTHER, examples=[["contracts"]])
    """Further knowledge bases to answer from beside the conversation's own, by their names."""


class TitleBody(Shape):
    """A conversation's new title."""

    title: str = Field(examples=["Tides at the pier"])


class FeedbackBody(Shape):
    """An opinion of an answer; a later one takes its place."""

    good: bool = True
    reason: Reason = ""
    """Why it is not good."""
    correction: str = Field(default="", max_length=LONGEST_CORRECTION)
    """What it should have said."""


class ConversationShape(Shape):
    """Questions that belong together."""

    id: int = Field(examples=[5])
    knowledge_base: str = Field(examples=["handbook"])
    title: str = Field(examples=["When does the tide turn?"])
    shared: bool
    """Whether there is a link that others can read it by."""
    created_at: datetime
    updated_at: datetime
    url: str = Field(examples=["/ask?conversation=5"])

    @classmethod
    def of(cls, conversation: Conversation) -> ConversationShape:
        return cls(
            id=conversation.id,
            knowledge_base=conversation.knowledge_base,
            title=conversation.title,
            shared=conversation.shared,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
            url=f"/ask?conversation={conversation.id}",
        )


class TurnShape(Shape):
    """A question and its answer."""

    id: int = Field(examples=[9])
    conversation: int = Field(examples=[5])
    parent: int | None
    question: str = Field(examples=["And when does it turn back?"])
    standalone: str = Field(examples=["When does the tide turn back?"])
    """What was looked for; empty until that is known."""
    only: str = ""
    """The conditions on what was read."""
    way: Approach
    state: State
    counts: CountsShape
    further: tuple[str, ...] = Field(default=(), examples=[["contracts"]])
    """The knowledge bases that were asked beside the conversation's own."""
    hidden: bool = False
    """Whether one of them is not there for the caller any more: then there is no answer."""
    answer: AnswerShape | None
    """Null until it is whole, and where it was stopped or broke off, or is hidden."""

    @classmethod
    def of(cls, turn: Turn) -> TurnShape:
        return cls(
            id=turn.id,
            conversation=turn.conversation_id,
            parent=turn.parent_id,
            question=turn.question,
            standalone=looked_for(turn),
            only=turn.only,
            way=turn.approach,
            state=turn.state,
            counts=CountsShape(**turn.counts),
            further=turn.further,
            hidden=turn.hidden,
            answer=answer_of(turn),
        )


class ConversationsReply(Shape):
    """Conversations, the last used first."""

    conversations: tuple[ConversationShape, ...]


class ConversationReply(Shape):
    """A conversation and its turns, in the order in which they were asked."""

    conversation: ConversationShape
    turns: tuple[TurnShape, ...]


class ShareReply(Shape):
    """The link that others can read a conversation by; it is shown this once."""

    url: str = Field(examples=["/shared/5DqbY0uXk3…"])


def answer_of(turn: Turn) -> AnswerShape | None:
    """The whole answer to a turn, if it has one."""
    for name, data in reversed(turn.said):
        if name == "answer":
            return AnswerShape.model_validate_json(data)
    return None


def written_of(turn: Turn) -> AnswerShape | None:
    """What was written of an answer that was stopped or broke off; None if nothing was."""
    passages: tuple[PassageShape, ...] = ()
    sentences = list[SentenceShape]()
    for name, data in turn.said:
        if name == "reading":
            passages = ReadingData.model_validate_json(data).passages
        elif name == "sentence":
            sentences.append(SentenceData.model_validate_json(data))
    if not sentences:
        return None
    marks = [sentence.support for sentence in sentences]
    return AnswerShape(
        question=looked_for(turn),
        kind="written",
        text="".join(sentence.gap + sentence.text for sentence in sentences).strip(),
        sentences=tuple(sentences),
        counts=CountsShape(
            supported=marks.count("supported"),
            partly=marks.count("partly"),
            unsupported=marks.count("unsupported"),
        ),
        passages=passages,
        milliseconds=0,
        model=None,
        usage=None,
        nothing_found=None,
    )


def looked_for(turn: Turn) -> str:
    """The question that was looked for; empty until that is known."""
    for name, data in turn.said:
        if name == "understood":
            return str(json.loads(data)["question"])
    return turn.standalone


def parts_of(turn: Turn) -> tuple[str, ...]:
    """The parts of the question that were looked for one by one, if it was divided."""
    for name, data in turn.said:
        if name == "divided":
            return tuple(json.loads(data)["questions"])
    return ()


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
        services.conversations.ask_to_stop(turn_id)


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


def leaf_of(turns: tuple[Turn, ...], turn_id: int | None) -> int | None:
    """The newest turn of the branch that goes through `turn_id`, or of all."""
    if turn_id is None or all(turn.id != turn_id for turn in turns):
        return turns[-1].id if turns else None
    leaf = turn_id
    for turn in turns:  # in the order of their ids: a child comes after its parent
        if turn.parent_id == leaf:
            leaf = turn.id
    return leaf


def path_to(turns: tuple[Turn, ...], leaf: int | None) -> list[Turn]:
    """The turns from the first to `leaf`, each the parent of the next."""
    known = {turn.id: turn for turn in turns}
    path: list[Turn] = []
    while leaf is not None and leaf in known:
        path.append(known[leaf])
        leaf = known[leaf].parent_id
    return path[::-1]
