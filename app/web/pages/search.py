"""The search page: words → passages, each of which opens its document at the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.errors import TidemarkError
from app.retrieval.passage import Retrieval
from app.retrieval.query import Grouping
from app.retrieval.spelling import has_unfound_words
from app.services import Services
from app.web.access import needs
from app.web.addresses import (
    Parameter,
    address,
    api_address,
    search_address,
)
from app.web.pages.first_use import first_use
from app.web.pages.frame import Chosen, ChosenBase, frame, show
from app.web.pages.narrowing import Asking, Chip, ChipGroup, chip_groups
from app.web.pages.result_view import Link, Result, result_view
from app.web.pages.wording import duration
from app.web.search_params import SearchParams, params_of
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

SIZES = (30, 100, 200)  # results that are shown when more are wanted, and then still more


@dataclass(frozen=True)
class Results:
    summary: str
    meant: Link | None
    """The same search as the documents spell it, where they don't have its words."""
    problems: tuple[str, ...]
    """Knowledge bases that could not be searched as they should, and why."""
    stages: tuple[tuple[str, str, str], ...]
    """Name, what it did, how long it took."""
    results: tuple[Result, ...]
    chips: tuple[ChipGroup, ...]
    nearest: str | None
    """The same search with each result's nearest sentence, where it has not been asked for."""
    group: Chip
    """The same search, with another thing for one result."""
    more: str | None
    ask: str
    ways_on: tuple[tuple[str, str], ...]
    """What else could be tried where nothing was found, each with its address."""


class PageParams(SearchParams):
    """As the API's; without words, the page waits for some."""

    q: str = ""
    group: Grouping = Grouping.PASSAGE
    everywhere: bool = False
    """Whether all knowledge bases are searched that the caller may read."""

    def as_data(self) -> list[tuple[str, Parameter]]:
        """The parameters for the API, which has defaults of its own."""
        fields = SearchParams.model_fields
        return SearchParams(**{name: getattr(self, name) for name in fields}).pairs()


@router.get("/")
@needs(Right.READ)
def search_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    params: Annotated[PageParams, Query()],
) -> HTMLResponse:
    base, q = chosen.base, params.q
    bases = {base.id: base}
    if params.everywhere:
        bases |= {each.id: each for each, _ in services.knowledge_bases.list()}
    several = len(bases) > 1
    asking = Asking(
        base.name, params, {each.id: each.name for each in bases.values()} if several else {}
    )
    results, error = None, None
    if q.strip():
        try:
            results = _results(services, tuple(bases.values()), asking)
        except TidemarkError as refused:
            error = refused
    return show(
        request,
        "search.html",
        frame(
            f"{q[:80]} · Search" if q.strip() else "Search",
            "/",
            base.name,
            _data_address(asking, params) if q.strip() else "/api/knowledge-bases",
        ),
        status_code=error.status_code if error else 200,
        chosen=chosen,
        q=q.replace("\0", "\ufffd"),
        kept=[pair for pair in params.pairs() if pair[0] not in {"q", "top_k"}],
        modes=asking.modes(),
        elsewhere=_elsewhere(asking, chosen),
        saved=() if q.strip() else _saved(services, base),
        encoded=urlencode(params.as_data()),
        results=results,
        error=error,
        first_use=None if several else first_use(services, chosen),
    )


def _data_address(asking: Asking, params: PageParams) -> str:
    if params.everywhere:
        return address("/api/search", *params.as_data())
    return api_address(asking.base, "search", *params.as_data())


def _saved(services: Services, base: KnowledgeBase) -> tuple[tuple[int, Link], ...]:
    """The searches that were saved, each with its id."""
    return tuple(
        (one.id, Link(one.name, search_address(base.name, *params_of(one.parameters).pairs())))
        for one in services.saved_searches.list(base.id)
    )


def _elsewhere(asking: Asking, chosen: Chosen) -> Chip | None:
    """The same search of all knowledge bases, or of the chosen one; None if there is but one."""
    if len(chosen.options) == 1:
        return None
    if asking.bases:
        return Chip(f"Only in {asking.base}", asking.at(everywhere=False))
    return Chip("In all knowledge bases", asking.at(everywhere=True))


def _results(services: Services, bases: Sequence[KnowledgeBase], asking: Asking) -> Results:
    params = asking.params
    query = params.query()
    services.documents.require([base.id for base in bases], query.document_ids)
    retrieval = services.retriever.retrieve_across(bases, query, params.top_k)
    if params.nearest:
        retrieval = services.retriever.with_nearest(retrieval)
    shown, found = len(retrieval.passages), len(retrieval.candidates)
    took = duration(retrieval.milliseconds)
    of_found = f"{shown} of {found:,}" if found > shown else f"{shown}"
    return Results(
        summary=f"{of_found} {'passage' if found == 1 else 'passages'} in {took}, best first",
        meant=_meant(services, bases, asking, retrieval),
        problems=retrieval.problems,
        nearest=None if params.nearest else asking.at(nearest=True),
        group=asking.other_grouping(),
        stages=tuple((s.name, s.detail, duration(s.milliseconds)) for s in retrieval.stages),
        results=tuple(
            result_view(passage, retrieval.query.words, asking) for passage in retrieval.passages
        ),
        chips=chip_groups(services, asking, retrieval),
        more=_more(asking, shown, found),
        ask=address(
            "/ask",
            ("q", query.text),
            ("knowledge-base", asking.base),
            *(("further", base.name) for base in bases if base.name != asking.base),
        ),
        ways_on=asking.ways_on(query),
    )


def _more(asking: Asking, shown: int, found: int) -> str | None:
    """The same search from its beginning, with more results.

    There is no second page that a change of the documents could shift: nothing is shown twice, and
    nothing is passed over.
    """
    wanted = asking.params.top_k
    more = next((size for size in SIZES if size > wanted), None)
    return asking.at(top_k=more) if more and shown == wanted < found else None


def _meant(
    services: Services, bases: Sequence[KnowledgeBase], asking: Asking, retrieval: Retrieval
) -> Link | None:
    if not has_unfound_words(retrieval):
        return None
    for base in bases:
        index = services.indexes.active(base.id)
        better = index and services.speller.did_you_mean(index, retrieval.query)
        if better:
            return Link(better, asking.at(q=better))
    return None
