"""The page of answers: how good they are, which are weak, and which documents they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.access.rights import Right
from app.answering.answer import Approach
from app.answering.feedback import AskedTurn, CitedDocument
from app.documents.model import KnowledgeBase
from app.errors import InvalidRequest, TidemarkError
from app.evaluation.answers import AnswerMeasures, KeptAnswers, worst_answers_first
from app.services import Services
from app.web.access import needs
from app.web.addresses import address, api_address
from app.web.api.answer import AnswerShape
from app.web.api.conversation import answer_of, looked_for
from app.web.api.passage import PassageShape
from app.web.pages.frame import Chosen, ChosenBase, chosen, frame, show
from app.web.pages.wording import When, count, dollars, duration, when
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

PATH = "/quality/answers"
MOST_ASKED = 100  # questions that a page waits for; more are for the command line
OUTCOMES_SHOWN = 50
PASSAGES_SHOWN = 8
SAID_SHOWN = 300  # characters


@dataclass(frozen=True)
class AskedView:
    """A question that somebody asked; who, is not shown."""

    turn: int
    question: str
    marks: str
    verdict: str
    said: str
    correction: str
    when: When
    passages: tuple[tuple[int, PassageShape], ...]
    """Those of the knowledge base that could answer it, by their numbers."""


@dataclass(frozen=True)
class UseView:
    told: str
    weak: tuple[AskedView, ...]
    unanswered: tuple[AskedView, ...]
    most_cited: tuple[CitedDocument, ...]
    never_cited: tuple[CitedDocument, ...]
    never_told: str


@dataclass(frozen=True)
class RunView:
    when: When
    way: str
    figures: tuple[str, ...]
    settings: str
    address: str
    here: bool


@router.get(PATH)
@needs(Right.WRITE)
def answers_page(
    request: Request,
    services: Wired,
    found: ChosenBase,
    *,
    run: Annotated[int | None, Query(ge=1, le=2**53 - 1)] = None,
    kept: int = 0,
) -> HTMLResponse:
    """`run` is the evaluation whose answers are shown; the latest without it."""
    return _page(request, services, found, run, kept=kept)


@router.post(PATH + "/run")
@needs(Right.WRITE)
def evaluate(
    request: Request,
    services: Wired,
    base: Annotated[str, Form(alias="knowledge-base")],
    way: Annotated[Literal["quick", "thorough", "both"], Form()] = "quick",
) -> Response:
    """Answer the knowledge base's own questions, and keep how good that was."""
    found = chosen(services, base)
    ways: tuple[Approach, ...] = ("quick", "thorough") if way == "both" else (way,)
    try:
        asked = len(services.questions.list(found.base.id))
        if asked > MOST_ASKED:
            raise InvalidRequest(
                f"{found.base.name} has {asked:,} questions, too many to wait for here.",
                remedy="Run `tidemark evaluate --answers quick` with the knowledge base's name.",
            )
        evaluated = services.answer_evaluator().evaluate(found.base, ways, _unseen)
        services.answer_evaluations.keep(found.base.id, evaluated)
    except TidemarkError as refused:
        return _page(request, services, found, error=refused)
    return RedirectResponse(address(PATH, ("knowledge-base", base)), status_code=303)


@router.post(PATH + "/questions")
@needs(Right.WRITE)
def keep_question(
    services: Wired,
    base: Annotated[str, Form(alias="knowledge-base")],
    turn: Annotated[int, Form(ge=1, le=2**53 - 1)],
    passage: Annotated[int, Form(ge=0, le=200)],
) -> RedirectResponse:
    """Let a question that was asked be a test question: answered by a passage, or by nothing."""
    found = services.knowledge_bases.get(base)
    asked = services.feedback.asked(found.name, turn)
    answer, question = answer_of(asked), looked_for(asked) or asked.question
    if passage == 0:
        services.questions.save_unanswerable(found.id, question)
    elif answer is None or passage > len(answer.passages):
        raise InvalidRequest("The answer has no such passage.", remedy="Choose one of those shown.")
    else:
        right = answer.passages[passage - 1]
        services.documents.require([found.id], [right.document_id])
        services.questions.save(found.id, question, right.document_id, right.text)
    return RedirectResponse(address(PATH, ("knowledge-base", base), ("kept", 1)), 303)


def _page(
    request: Request,
    services: Services,
    found: Chosen,
    run: int | None = None,
    *,
    kept: int = 0,
    error: TidemarkError | None = None,
) -> HTMLResponse:
    base = found.base
    runs = services.answer_evaluations.list(base.id)
    here = run or (runs[0].id if runs else 0)
    outcomes = services.answer_evaluations.outcomes(base.id, here) if here else ()
    own = services.questions.list(base.id)
    return show(
        request,
        "answers.html",
        frame("Answers", "/quality", base.name, api_address(base.name, "questions")),
        status_code=error.status_code if error else 200,
        chosen=found,
        use=_use(services, base),
        runs=tuple(_run(each, base, here) for each in runs),
        outcomes=worst_answers_first(outcomes)[:OUTCOMES_SHOWN],
        questions=sum(bool(each.right) or each.unanswerable for each in own),
        model=chat.model if (chat := services.chat_model()) else None,
        kept=kept,
        error=error,
    )


def _use(services: Services, base: KnowledgeBase) -> UseView:
    use = services.feedback.use(base.id, base.name)
    told = f"{count(use.answers, 'answer')} so far"
    if use.good or use.bad:
        told += f": {use.good:,} found good, {use.bad:,} not good"
    return UseView(
        f"{told}.",
        tuple(_asked(one, base) for one in use.weak),
        tuple(_asked(one, base) for one in use.unanswered),
        use.most_cited,
        use.never_cited,
        f"{count(use.never_cited_in_all, 'document')}; the first are listed."
        if use.never_cited_in_all > len(use.never_cited)
        else count(use.never_cited_in_all, "document"),
    )


def _asked(one: AskedTurn, base: KnowledgeBase) -> AskedView:
    turn, feedback = one.turn, one.feedback
    answer = answer_of(turn)
    supported, partly, unsupported = turn.counts.values()
    marks = f"{count(supported, 'sentence')} supported, {partly:,} partly, {unsupported:,} not"
    verdict = ""
    if feedback is not None:
        verdict = "found good" if feedback.good else f"not good: {feedback.reason or 'no reason'}"
    return AskedView(
        turn.id,
        looked_for(turn) or turn.question,
        marks if supported + partly + unsupported else "nothing found",
        verdict,
        answer.text[:SAID_SHOWN] if answer else "",
        feedback.correction if feedback else "",
        when(turn.created_at),
        _passages(answer, base) if answer else (),
    )


def _passages(answer: AnswerShape, base: KnowledgeBase) -> tuple[tuple[int, PassageShape], ...]:
    own = [
        (number, passage)
        for number, passage in enumerate(answer.passages, 1)
        if passage.knowledge_base in {None, base.name}
    ]
    return tuple(own[:PASSAGES_SHOWN])


def _run(kept: KeptAnswers, base: KnowledgeBase, here: int) -> RunView:
    return RunView(
        when(kept.created_at),
        kept.way,
        _figures(kept.measures),
        ", ".join(f"{name} {said}" for name, said in kept.settings.items()),
        address(PATH, ("knowledge-base", base.name), ("run", kept.id)),
        kept.id == here,
    )


def _figures(measures: AnswerMeasures) -> tuple[str, ...]:
    shares = (measures.support, measures.precision, measures.recall, measures.refusal)
    failed = f" ({measures.failed:,} failed)" if measures.failed else ""
    return (
        f"{measures.questions:,}{failed}",
        *("" if share is None else f"{share:.0%}" for share in shares),
        duration(measures.milliseconds),
        "unknown" if measures.cost is None else dollars(measures.cost),
    )


def _unseen(_doing: str, _done: int, _total: int) -> None:
    """The page comes when all is done."""
