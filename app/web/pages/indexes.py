"""The indexes page: what is active, what is being built and how far, two side by side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.access.rights import Right
from app.errors import InvalidRequest, TidemarkError
from app.evaluation.comparison import Comparison, Side
from app.indexes.index import Index, IndexState
from app.indexes.plans import BuildPlan
from app.indexes.recipe import Recipe
from app.indexes.recipes import Choice
from app.indexes.reports import IndexReport
from app.retrieval.passage import Passage
from app.retrieval.passage import Query as Asked
from app.retrieval.retriever import checked
from app.services import Services
from app.web.access import needs
from app.web.addresses import address, api_address, passage_address
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.wording import When, count, duration, size, when
from app.web.wiring import Wired, wake_worker

router = APIRouter(include_in_schema=False)

SIDE_BY_SIDE = 10  # passages of each index
LONGEST_EXCERPT = 280  # characters


class Act(StrEnum):
    """What the buttons of the page do."""

    PROMOTE = "promote"
    REVERT = "revert"
    DROP = "drop"
    PAUSE = "pause"
    RESUME = "resume"
    COMPARE = "compare"


DONE = {
    Act.PROMOTE: "Searches are answered from index {} now. The former one is kept, and can be "
    "taken back to.",
    Act.REVERT: "Taken back: searches are answered from index {} again.",
    Act.DROP: "Index {} is dropped.",
    Act.PAUSE: "The build of index {} rests.",
    Act.RESUME: "The build of index {} goes on.",
}
STARTED = "Index {} is being built. Searches and uploads go on meanwhile."

SAID = {
    IndexState.BUILDING: "being built",
    IndexState.PAUSED: "paused",
    IndexState.FAILED: "failed",
    IndexState.READY: "ready",
    IndexState.ACTIVE: "active",
    IndexState.RETIRED: "kept to go back to",
    IndexState.DROPPED: "dropped",
}


@dataclass(frozen=True)
class Card:
    """One index as the page shows it; `acts` are the buttons it has."""

    id: int
    model: str
    state: str
    active: bool
    building: bool
    share: int
    """Of a thousand."""
    progress: str
    facts: tuple[tuple[str, str], ...]
    error: str | None
    remedy: str | None
    acts: tuple[tuple[str, str], ...]
    compared: str | None
    """The address of its comparison, where it can be compared."""


@dataclass(frozen=True)
class Figure:
    """A row of a comparison: the active index's figure and the other's."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Moved:
    question: str
    document: str
    before: str
    after: str
    address: str


@dataclass(frozen=True)
class Compared:
    made: When
    summary: str
    figures: tuple[Figure, ...]
    better: tuple[Moved, ...]
    worse: tuple[Moved, ...]


@dataclass(frozen=True)
class Found:
    """A passage in one of the two lists; `elsewhere` is its rank in the other."""

    title: str
    place: str
    text: str
    address: str
    elsewhere: str


@router.get("/indexes")
@needs(Right.READ)
def indexes_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    done: Annotated[str, Query(max_length=20)] = "",
    index: int | None = None,
) -> HTMLResponse:
    base = chosen.base
    reports = services.changeover.reports.of(base.id)
    wanted = services.changeover.settings_recipe()
    active = next((r.index for r in reports if r.index.state == IndexState.ACTIVE), None)
    notice = STARTED if done == "build" else DONE.get(Act(done), "") if done in set(Act) else ""
    return show(
        request,
        "indexes.html",
        frame("Indexes", "/indexes", base.name, api_address(base.name, "indexes")),
        chosen=chosen,
        cards=tuple(_card(report, services, base.name) for report in reports),
        differs=_differs(active, wanted),
        wanted=wanted,
        notice=notice.format(index),
    )


@router.get("/indexes/new")
@needs(Right.MANAGE)
def plan_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    *,
    model: str = "",
    dimensions: str = "",
    chunk_tokens: str = "",
) -> HTMLResponse:
    """What a build would do and cost, before it is begun."""
    choice = _choice(model, dimensions, chunk_tokens)
    plan = services.changeover.plan(chosen.base, choice)
    return show(
        request,
        "index_plan.html",
        frame(
            "Build an index", "/indexes", chosen.base.name, api_address(chosen.base.name, "indexes")
        ),
        chosen=chosen,
        facts=_plan_facts(plan),
        asked={"model": model, "dimensions": dimensions, "chunk_tokens": chunk_tokens},
    )


@router.post("/indexes/new")
@needs(Right.MANAGE)
def build(
    request: Request,
    services: Wired,
    base_name: Annotated[str, Form(alias="knowledge-base")],
    *,
    model: Annotated[str, Form()] = "",
    dimensions: Annotated[str, Form()] = "",
    chunk_tokens: Annotated[str, Form()] = "",
    margin: Annotated[str, Form()] = "",
) -> RedirectResponse:
    base = services.knowledge_bases.get(base_name)
    choice = _choice(model, dimensions, chunk_tokens)
    index_id = services.changeover.build(base, choice, _margin(margin))
    wake_worker(request)
    return _back(base.name, "build", index_id)


@router.post("/indexes")
@needs(Right.MANAGE)
def act(
    services: Wired,
    base_name: Annotated[str, Form(alias="knowledge-base")],
    what: Annotated[Act, Form(alias="do")],
    index: Annotated[int, Form()] = 0,
) -> RedirectResponse:
    """One of the buttons beside an index."""
    base = services.knowledge_bases.get(base_name)
    switch = services.changeover.switch
    if what is Act.COMPARE:
        services.changeover.compare(base, index)
        return RedirectResponse(_compare_address(base.name, index), status_code=303)
    if what is Act.REVERT:
        index = switch.revert(base.id)
    else:
        verbs = {
            Act.PROMOTE: switch.promote,
            Act.DROP: switch.drop,
            Act.PAUSE: switch.pause,
            Act.RESUME: switch.resume,
        }
        verbs[what](base.id, index)
    return _back(base.name, what, index)


@router.get("/indexes/compare")
@needs(Right.READ)
def compare_page(
    request: Request, services: Wired, chosen: ChosenBase, index: int, q: str = ""
) -> HTMLResponse:
    """An index beside the active one: on the questions that were drawn, and on any other."""
    base = chosen.base
    report = services.changeover.reports.one(base.id, index)
    active = services.changeover.active(base)
    comparison = Comparison.load(report.comparison) if report.comparison else None
    lists, error = None, None
    if q.strip():
        try:
            after = services.changeover.searchable(base, index)
            lists = _both(services, active.index, after, q)
        except TidemarkError as refused:
            error = refused
    return show(
        request,
        "compare.html",
        frame(
            f"Index {index} beside index {active.index.id}",
            "/indexes",
            base.name,
            api_address(base.name, f"indexes/{index}"),
        ),
        chosen=chosen,
        before=active.index,
        after=report.index,
        can_compare=report.can_be_promoted and report.index.state != IndexState.ACTIVE,
        compared=None if comparison is None else _compared(comparison, base.name),
        lists=lists,
        error=error,
        q=q,
    )


def _choice(model: str, dimensions: str, chunk_tokens: str) -> Choice:
    return Choice(
        model=model.strip() or None,
        dimensions=_number(dimensions, "The width"),
        chunk_tokens=_number(chunk_tokens, "The size of chunks"),
    )


def _number(said: str, what: str) -> int | None:
    if not said.strip():
        return None
    if not said.strip().isdecimal() or len(said) > 6:  # noqa: PLR2004 - far more than any
        raise InvalidRequest(f"{what} is {said[:40]!r}, which is no number.", remedy="Type digits.")
    return int(said)


def _margin(said: str) -> float | None:
    if not said.strip():
        return None
    try:
        margin = float(said)
    except ValueError:
        margin = -1.0
    if not 0 <= margin <= 1:
        raise InvalidRequest(
            f"An index cannot be worse by {said[:40]!r}.", remedy="Type a figure from 0 to 1."
        )
    return margin


def _back(base: str, done: str, index: int) -> RedirectResponse:
    there = address("/indexes", ("knowledge-base", base), ("done", done), ("index", index))
    return RedirectResponse(there, status_code=303)


def _compare_address(base: str, index: int, q: str = "") -> str:
    return address("/indexes/compare", ("knowledge-base", base), ("index", index), ("q", q))


def _differs(active: Index | None, wanted: Recipe | None) -> bool:
    return active is not None and wanted is not None and active.recipe != wanted


def _card(report: IndexReport, services: Services, base: str) -> Card:
    recipe, state = report.index.recipe, report.index.state
    building = state == IndexState.BUILDING
    can_compare = report.can_be_promoted and state != IndexState.ACTIVE
    return Card(
        id=report.index.id,
        model=recipe.model,
        state=SAID[state],
        active=state == IndexState.ACTIVE,
        building=building,
        share=round(1000 * report.share),
        progress=_progress(report) if building else "",
        facts=_facts(report, services),
        error=report.error,
        remedy=report.remedy,
        acts=_acts(report),
        compared=_compare_address(base, report.index.id) if can_compare else None,
    )


def _progress(report: IndexReport) -> str:
    said = f"{report.share:.0%}"
    if report.rate:
        said += f", {report.rate:.0f} chunks a second"
    if report.left:
        said += f", about {duration(1000 * report.left.total_seconds())} left"
    return said


def _facts(report: IndexReport, services: Services) -> tuple[tuple[str, str], ...]:
    recipe = report.index.recipe
    chunks = f"up to {recipe.chunk_tokens} tokens" if recipe.chunk_tokens else "whole documents"
    same = "the same as" if report.in_step else "not yet what"
    holds = (
        f"{report.standing.revisions:,} of {count(report.expected.revisions, 'revision')}, "
        f"{count(report.chunks, 'chunk')}, vectors of {size(report.vector_bytes)}"
    )
    facts = [
        ("Recipe", f"{count(recipe.dimensions, 'dimension')}, chunks of {chunks}"),
        ("Holds", holds),
        (
            "Checked",
            f"{report.standing.digest}, {same} the documents have ({report.expected.digest})",
        ),
    ]
    prefixes = [one for one in (recipe.query_prefix, recipe.document_prefix) if one]
    if prefixes:
        facts.append(("Prefixes", ", ".join(f"“{one}”" for one in prefixes)))
    if report.embedded or report.reused:
        facts.append(
            (
                "Built",
                f"{report.embedded:,} chunks embedded, the vectors of {report.reused:,} reused",
            )
        )
    cost = services.changeover.cost(report)
    if report.tokens:
        paid = "its price is not known" if cost is None else f"${cost:.4f}"
        facts.append(("Cost", f"{report.tokens:,} tokens, {paid}"))
    if report.promote_margin is not None:
        facts.append(("Then", f"promoted, if not worse by more than {report.promote_margin:g}"))
    if report.vector_index is not None:
        told = report.vector_index.told
        facts.append(("Vector index", told[:1].upper() + told[1:]))
    return tuple(facts)


def _acts(report: IndexReport) -> tuple[tuple[str, str], ...]:
    state = report.index.state
    if state == IndexState.ACTIVE:
        return ()
    acts: list[tuple[str, str]] = []
    if report.can_be_promoted:
        back = state == IndexState.RETIRED
        acts.append((Act.PROMOTE, "Take back to this" if back else "Promote"))
        acts.append((Act.COMPARE, "Compare"))
    if state == IndexState.BUILDING:
        acts.append((Act.PAUSE, "Pause"))
    if state in {IndexState.PAUSED, IndexState.FAILED} or report.error:
        acts.append((Act.RESUME, "Go on"))
    acts.append((Act.DROP, "Cancel" if state == IndexState.BUILDING else "Drop"))
    return tuple(acts)


def _plan_facts(plan: BuildPlan) -> tuple[tuple[str, str], ...]:
    recipe = plan.recipe
    chunks = f"up to {recipe.chunk_tokens} tokens" if recipe.chunk_tokens else "whole documents"
    if plan.price == 0:
        cost = "nothing: the model runs on this machine"
    elif plan.cost is None:
        cost = f"about {count(plan.tokens, 'token')}; the model's price is not known"
    else:
        cost = f"about ${plan.cost:.2f} for {count(plan.tokens, 'token')}"
    return (
        ("Model", recipe.model),
        ("Width", count(recipe.dimensions, "dimension")),
        ("Chunks", chunks),
        (
            "To be built",
            f"{count(plan.revisions, 'revision')}, about {count(plan.chunks, 'chunk')}",
        ),
        ("To be embedded", f"up to {count(plan.embedded, 'chunk')}"),
        ("Cost", cost),
    )


def _compared(comparison: Comparison, base: str) -> Compared:
    test = comparison.ndcg
    verdict = "the two cannot be told apart on these questions"
    if test.low > 0:
        verdict = f"index {comparison.after.index_id} is better"
    elif test.high < 0:
        verdict = f"index {comparison.after.index_id} is worse"
    return Compared(
        made=when(_moment(comparison)),
        summary=f"{comparison.questions}: {verdict}. nDCG@10 differs by {test.difference:+.3f} "
        f"(95 % interval {test.low:+.3f} to {test.high:+.3f}, p {test.p:.3f}).",
        figures=_figures(comparison.before, comparison.after),
        better=_moved(comparison, base, better=True),
        worse=_moved(comparison, base, better=False),
    )


def _moment(comparison: Comparison) -> datetime:
    return datetime.fromisoformat(comparison.made_at)


def _figures(before: Side, after: Side) -> tuple[Figure, ...]:
    one, other = before.measures, after.measures
    return (
        Figure("nDCG@10", f"{one.ndcg:.3f}", f"{other.ndcg:.3f}"),
        Figure("Recall@10", f"{one.recall:.3f}", f"{other.recall:.3f}"),
        Figure("Reciprocal rank@10", f"{one.reciprocal_rank:.3f}", f"{other.reciprocal_rank:.3f}"),
        Figure("Median search", duration(before.median_ms), duration(after.median_ms)),
        Figure("Slowest of twenty", duration(before.p95_ms), duration(after.p95_ms)),
    )


def _moved(comparison: Comparison, base: str, *, better: bool) -> tuple[Moved, ...]:
    return tuple(
        Moved(
            question=each.question,
            document=each.document_name,
            before=_rank(each.before),
            after=_rank(each.after),
            address=_compare_address(base, comparison.after.index_id, each.question),
        )
        for each in (comparison.better if better else comparison.worse)
    )


def _rank(rank: int | None) -> str:
    return "not in ten" if rank is None else f"{rank}"


def _both(
    services: Services, before: Index, after: Index, q: str
) -> tuple[tuple[Found, ...], tuple[Found, ...]]:
    """What both indexes find, each passage with its rank in the other list."""
    query = Asked(q)
    checked(query, SIDE_BY_SIDE)
    retrieve = services.retriever.retrieve_from
    one, other = (retrieve(index, query, SIDE_BY_SIDE).passages for index in (before, after))
    return (
        tuple(_found(passage, other, q) for passage in one),
        tuple(_found(passage, one, q) for passage in other),
    )


def _found(passage: Passage, others: tuple[Passage, ...], q: str) -> Found:
    same = next(
        (
            other.rank
            for other in others
            if other.revision_id == passage.revision_id
            and other.start < passage.end
            and passage.start < other.end
        ),
        None,
    )
    elsewhere = "only here" if same is None else "same rank" if same == passage.rank else f"{same}"
    if elsewhere.isdecimal():
        elsewhere = f"rank {elsewhere} there"
    text = " ".join(passage.text.split())
    page = f"page {passage.page}" if passage.page is not None else ""
    place = " · ".join(part for part in (" > ".join(passage.section_path), page) if part)
    return Found(
        title=passage.document_name,
        place=place,
        text=text if len(text) <= LONGEST_EXCERPT else text[:LONGEST_EXCERPT].rstrip() + " …",
        address=passage_address(passage, q),
        elsewhere=elsewhere,
    )
