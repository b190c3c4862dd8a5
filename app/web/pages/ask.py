"""The ask page: a question → an answer whose sentences lead to the words that they rest on.

Scripts stream the answer from the API. Without them, `whole` renders all of it once it is there.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from app.access.rights import Right
from app.answering.answer import Answer, Approach
from app.answering.answer_events import whole_answer
from app.answering.conversation import LONGEST_ONLY, MOST_FURTHER
from app.documents.model import KnowledgeBase
from app.errors import TidemarkError
from app.retrieval.query import Query as Asked
from app.retrieval.query_syntax import narrowed
from app.services import Services
from app.web.access import needs
from app.web.addresses import Parameter, address, search_address
from app.web.api.answer import AnswerShape
from app.web.api.shape import LARGEST_ID
from app.web.pages.answer_view import answer_view
from app.web.pages.conversation_view import ConversationView, conversation_view
from app.web.pages.first_use import first_use
from app.web.pages.frame import ChosenBase, frame, show
from app.web.reader import Asker
from app.web.wiring import Wired, further_bases

router = APIRouter(include_in_schema=False)

PASSAGES = 8  # read for one answer

Documents = Annotated[tuple[int, ...], Query()]
Further = Annotated[tuple[str, ...], Query(max_length=MOST_FURTHER)]
Only = Annotated[str, Query(max_length=LONGEST_ONLY)]
ConversationId = Annotated[int, Query(ge=1, le=LARGEST_ID)]


@router.get("/ask")
@needs(Right.ASK)
def ask_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    asker: Asker,
    *,
    q: str = "",
    document: Documents = (),
    whole: bool = False,
    way: Approach = "quick",
    only: Only = "",
    further: Further = (),
    conversation: ConversationId | None = None,
    turn: int | None = None,
) -> Response:
    base, asking = chosen.base, bool(q.strip())
    answer, error, shown = None, None, None
    if conversation is not None:
        kept, turns = services.conversations.get(asker.owner, conversation)
        services.knowledge_bases.get(kept.knowledge_base)  # which the reader may have lost sight of
        shown = conversation_view(kept, turns, turn, services.feedback)
        asking = True
        if shown.base != base.name:  # the page's other links are of the conversation's
            return RedirectResponse(
                address(
                    "/ask",
                    ("conversation", conversation),
                    ("turn", turn),
                    ("knowledge-base", shown.base),
                )
            )
    elif asking and whole:
        try:
            asked = narrowed(Asked(q, document), only)
            whole_one = AnswerShape.of(_answer(services, base, asked, way, further))
            answer = answer_view(whole_one, base.name)
        except TidemarkError as refused:
            error = refused
    last = shown.turns[-1] if shown and shown.turns else None
    same: list[tuple[str, Parameter]] = [("q", q), ("knowledge-base", base.name)]
    same += [("document", each) for each in document]
    same += [("way", way)] if way != "quick" else []
    same += [("only", only)] if only else []
    same += [("further", each) for each in further]
    page = show(
        request,
        "ask.html",
        frame(
            f"{shown.title if shown else q[:80]} · Ask" if asking else "Ask",
            "/ask",
            base.name,
            _data(shown, same) if asking else "/api/knowledge-bases",
        ),
        status_code=error.status_code if error else 200,
        chosen=chosen,
        q=q.replace("\0", "\ufffd"),
        filters=last.documents if last else document,
        only=last.only if last else only,
        answer=answer,
        error=error,
        whole=address("/ask", *same, ("whole", 1)) if asking and not whole and not shown else None,
        search=search_address(
            base.name,
            ("q", q),
            *(("document", each) for each in document),
            ("everywhere", 1 if further else None),
        ),
        first_use=first_use(services, chosen),
        passages=PASSAGES,
        model=chat.model if (chat := services.chat_model()) else None,
        conversation=shown,
        further=last.further if last else further,
        way=last.approach if last else way,
    )
    asker.keep(page)
    return page


def _data(shown: ConversationView | None, same: list[tuple[str, Parameter]]) -> str:
    return f"/api/conversations/{shown.id}" if shown else address("/ask.json", *same)


@router.get("/ask.json")
@needs(Right.ASK)
def ask_as_data(
    services: Wired,
    chosen: ChosenBase,
    *,
    q: str = "",
    document: Documents = (),
    way: Approach = "quick",
    only: Only = "",
    further: Further = (),
) -> AnswerShape:
    """The whole answer as data: what the API replies to the same question."""
    asked = narrowed(Asked(q, document), only)
    return AnswerShape.of(_answer(services, chosen.base, asked, way, further))


def _answer(
    services: Services,
    base: KnowledgeBase,
    asked: Asked,
    approach: Approach,
    names: tuple[str, ...],
) -> Answer:
    further = further_bases(services, base, names)
    services.documents.require([base.id, *(each.id for each in further)], asked.document_ids)
    answerer = services.answerer(base, PASSAGES, approach, further)
    return whole_answer(answerer.answer(asked))
