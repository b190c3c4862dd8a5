"""The quality page: how well searches do on the team's own questions, over time and one by one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.documents.questions import Question
from app.errors import InvalidRequest, TidemarkError
from app.evaluation.outcome import Kept, Outcome, worst_first
from app.evaluation.significance import p_value
from app.services import Services
from app.web.access import needs
from app.web.addresses import address, api_address, search_address
from app.web.api.questions import save
from app.web.pages.frame import Chosen, ChosenBase, chosen, frame, show
from app.web.pages.plot import Plot, plot
from app.web.pages.wording import When, count, when
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

MOST_ASKED = 300  # questions that a page waits for; more are for the command line
OUTCOMES_SHOWN = 100


@dataclass(frozen=True)
class Measured:
    way: str
    ndcg: str
    recall: str
    reciprocal_rank: str
    settings: str
    address: str
    here: bool


@dataclass(frozen=True)
class Run:
    """Evaluations that were run together."""

    when: When
    questions: str
    ways: tuple[Measured, ...]


@dataclass(frozen=True)
class Asked:
    """A question as the page shows it, and what it found."""

    outcome: Outcome
    ndcg: str
    search: str
    before: str
    """How its nDCG@10 changed since the run before; empty where it did not."""


@dataclass(frozen=True)
class Detail:
    title: str
    summary: str
    asked: tuple[Asked, ...]
    more: str


@dataclass(frozen=True)
class Own:
    """One of the knowledge base's own questions."""

    question: Question
    search: str


@dataclass(frozen=True)
class Quality:
    plot: Plot | None
    runs: tuple[Run, ...]
    detail: Detail | None
    own: tuple[Own, ...]
    unanswered: int
    """Own questions whose passages are gone."""


@router.get("/quality")
@needs(Right.READ)
def quality_page(
    request: Request,
    services: Wired,
    found: ChosenBase,
    *,
    run: Annotated[int | None, Query(ge=1, le=2**53 - 1)] = None,
    saved: int = 0,
) -> HTMLResponse:
    """`run` is the evaluation whose questions are shown; the latest without it."""
    return _page(request, services, found, run, saved=saved)


@router.post("/quality/run")
@needs(Right.WRITE)
def evaluate(
    request: Request, services: Wired, base: Annotated[str, Form(alias="knowledge-base")]
) -> Response:
    """Ask the knowledge base's own questions, every way there is, and keep what that gave."""
    found = chosen(services, base)
    try:
        asked = len(services.questions.list(found.base.id))
        if asked > MOST_ASKED:
            raise InvalidRequest(
                f"{found.base.name} has {asked:,} questions, too many to wait for here.",
                remedy="Run `tidemark evaluate` with the knowledge base's name.",
            )
        evaluated = services.team_evaluator().evaluate(found.base, services.ways, _unseen)
        services.evaluations.keep(found.base.id, evaluated)
    except TidemarkError as refused:
        return _page(request, services, found, error=refused)
    return RedirectResponse(address("/quality", ("knowledge-base", base)), status_code=303)


@router.post("/quality/questions")
@needs(Right.WRITE)
def save_question(
    services: Wired,
    base: Annotated[str, Form(alias="knowledge-base")],
    q: Annotated[str, Form()],
    document: Annotated[int, Form(ge=1, le=2**53 - 1)],
    quote: Annotated[str, Form()],
) -> RedirectResponse:
    """“This is the right passage”, said on a result of a search."""
    save(services, services.knowledge_bases.get(base), q, document, quote)
    shown = address("/quality", ("knowledge-base", base), ("saved", 1))
    return RedirectResponse(f"{shown}#own", status_code=303)


@router.post("/quality/questions/delete")
@needs(Right.WRITE)
def delete_question(
    services: Wired,
    base: Annotated[str, Form(alias="knowledge-base")],
    question: Annotated[int, Form(ge=1, le=2**53 - 1)],
) -> RedirectResponse:
    services.questions.delete(services.knowledge_bases.get(base).id, question)
    return RedirectResponse(f"{address('/quality', ('knowledge-base', base))}#own", 303)


def _page(
    request: Request,
    services: Services,
    found: Chosen,
    run: int | None = None,
    *,
    saved: int = 0,
    error: TidemarkError | None = None,
) -> HTMLResponse:
    base = found.base
    return show(
        request,
        "quality.html",
        frame("Quality", "/quality", base.name, api_address(base.name, "evaluations")),
        status_code=error.status_code if error else 200,
        chosen=found,
        quality=_quality(services, base, run),
        saved=saved,
        error=error,
    )


def _quality(services: Services, base: KnowledgeBase, wanted: int | None) -> Quality:
    kept = services.evaluations.list(base.id)
    own = services.questions.list(base.id)
    here = wanted or _best_of_latest(kept)
    return Quality(
        plot(kept),
        tuple(
            _run(base, list(together), here)
            for _, together in groupby(kept, key=lambda each: each.created_at)
        ),
        _detail(services, base, here, kept) if here else None,
        tuple(Own(each, search_address(base.name, ("q", each.text))) for each in own),
        sum(not each.right and not each.unanswerable for each in own),
    )


def _best_of_latest(kept: tuple[Kept, ...]) -> int | None:
    latest = [each for each in kept if each.created_at == kept[0].created_at]
    return max(latest, key=lambda each: each.measures.ndcg).id if latest else None


def _run(base: KnowledgeBase, together: list[Kept], here: int | None) -> Run:
    return Run(
        when(together[0].created_at),
        f"{count(together[0].questions, 'question')} of {together[0].questions_of}",
        tuple(
            Measured(
                each.way,
                f"{each.measures.ndcg:.3f}",
                f"{each.measures.recall:.3f}",
                f"{each.measures.reciprocal_rank:.3f}",
                ", ".join(f"{name} {said}" for name, said in each.settings.items()),
                address("/quality", ("knowledge-base", base.name), ("run", each.id)) + "#questions",
                each.id == here,
            )
            for each in sorted(together, key=lambda one: -one.measures.ndcg)
        ),
    )


def _detail(
    services: Services, base: KnowledgeBase, evaluation_id: int, kept: tuple[Kept, ...]
) -> Detail:
    this, outcomes = services.evaluations.get(base.id, evaluation_id)
    before = next(
        (
            each
            for each in kept
            if each.id < this.id and (each.way, each.questions_of) == (this.way, this.questions_of)
        ),
        None,
    )
    then: dict[str, float] = {}
    if before is not None:
        _, earlier = services.evaluations.get(base.id, before.id)
        then = {each.question: each.measures.ndcg for each in earlier}
    shown = worst_first(outcomes)
    return Detail(
        f"{this.way.capitalize()}, {when(this.created_at).relative}",
        _summary(outcomes, then),
        tuple(
            Asked(
                each,
                f"{each.measures.ndcg:.2f}",
                search_address(base.name, ("q", each.question)),
                _change(each.measures.ndcg, then.get(each.question)),
            )
            for each in shown[:OUTCOMES_SHOWN]
        ),
        f"{len(shown) - OUTCOMES_SHOWN:,} better ones are not shown."
        if len(shown) > OUTCOMES_SHOWN
        else "",
    )


def _summary(outcomes: tuple[Outcome, ...], then: dict[str, float]) -> str:
    """What changed since the run before, and whether that is more than luck."""
    both = [(each.measures.ndcg, then[each.question]) for each in outcomes if each.question in then]
    if not both:
        return "The first run of this way on these questions."
    better = sum(now > before for now, before in both)
    worse = sum(now < before for now, before in both)
    if not better and not worse:
        return "Every question does as well as in the run before."
    p = p_value([now for now, _ in both], [before for _, before in both])
    return (
        f"Since the run before, {better} better and {worse} worse "
        f"(paired randomisation test: p = {p:.2g})."
    )


def _change(now: float, before: float | None) -> str:
    if before is None or round(now, 2) == round(before, 2):
        return ""
    return f"{'up' if now > before else 'down'} from {before:.2f}"


def _unseen(_doing: str, _done: int, _total: int) -> None:
    """The page comes when all is done."""
