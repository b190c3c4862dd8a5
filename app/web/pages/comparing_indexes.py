"""An index beside the active one: figures, questions that moved, and any search in both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.errors import TidemarkError
from app.evaluation.comparison import Comparison, Side
from app.indexes.index import Index
from app.indexes.reports import IndexReport
from app.retrieval.passage import Passage
from app.retrieval.query import Query as Asked
from app.retrieval.query import checked
from app.services import Services
from app.web.access import needs
from app.web.addresses import api_address, passage_address
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.index_cards import compare_address, paid, told_prefixes, told_recipe
from app.web.pages.wording import When, duration, size, when
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

SIDE_BY_SIDE = 10  # passages of each index
LONGEST_EXCERPT = 280  # characters


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
        can_compare=report.can_be_compared and request.state.caller.may(Right.MANAGE, base.id),
        compared=None if comparison is None else _compared(comparison, base.name),
        takes=_takes(services, active, report),
        lists=lists,
        error=error,
        q=q,
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


def _takes(services: Services, before: IndexReport, after: IndexReport) -> tuple[Figure, ...]:
    """What the two are made by and hold, and what building them has cost."""
    both = (before, after)
    # The first index is built by uploads, whose cost is on the page Spending.
    free = [
        "nothing" if report.embedded or report.reused else "grew with uploads" for report in both
    ]
    costs = [paid(report, services) or said for report, said in zip(both, free, strict=True)]
    return (
        Figure("Model", *(report.index.recipe.model for report in both)),
        Figure("Recipe", *(told_recipe(report.index.recipe) for report in both)),
        Figure("Prefixes", *(told_prefixes(report.index.recipe) or "none" for report in both)),
        Figure("Documents", *(_documents(report) for report in both)),
        Figure("Chunks", *(f"{report.chunks:,}" for report in both)),
        Figure("Vectors", *(size(report.vector_bytes) for report in both)),
        Figure("Cost of the build", *costs),
    )


def _documents(report: IndexReport) -> str:
    held = f"{report.standing.revisions:,}"
    return f"{held}, its model refuses {report.refused:,}" if report.refused else held


def _moved(comparison: Comparison, base: str, *, better: bool) -> tuple[Moved, ...]:
    return tuple(
        Moved(
            question=each.question,
            document=each.document_name,
            before=_rank(each.before),
            after=_rank(each.after),
            address=compare_address(base, comparison.after.index_id, each.question),
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
