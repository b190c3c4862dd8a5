"""The search page: words → passages, each of which opens its document at the place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.errors import TidemarkError
from app.retrieval import passage as found
from app.retrieval.matches import matches
from app.services import Services
from app.web.access import needs
from app.web.addresses import address, api_address, passage_address
from app.web.pages.first_use import first_use
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.marked import Part, excerpt
from app.web.pages.narrowing import Asking, ChipGroup, chip_groups
from app.web.pages.plain import plain
from app.web.pages.why import Reason, reasons
from app.web.pages.wording import When, duration, when
from app.web.search_params import SearchParams
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

MANY = 30
SEPARATOR = " \u203a "  # between the headings of a path


@dataclass(frozen=True)
class Result:
    """A passage as the page shows it."""

    rank: int
    title: str
    name: str | None
    """The document's name, where the title is another."""
    address: str
    section: str
    page: int | None
    date: When
    score: str
    document_id: int
    quote: str
    """The passage as the document has it, to be saved as what answers the question."""
    words: tuple[Part, ...]
    why: tuple[Reason, ...]


@dataclass(frozen=True)
class Results:
    summary: str
    stages: tuple[tuple[str, str, str], ...]
    """Name, what it did, how long it took."""
    results: tuple[Result, ...]
    chips: tuple[ChipGroup, ...]
    more: str | None
    ask: str
    ways_on: tuple[tuple[str, str], ...]
    """What else could be tried where nothing was found, each with its address."""


class PageParams(SearchParams):
    """As the API's; without words, the page waits for some."""

    q: str = ""


@router.get("/")
@needs(Right.READ)
def search_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    params: Annotated[PageParams, Query()],
) -> HTMLResponse:
    base, q = chosen.base, params.q
    asking = Asking(base.name, params)
    results, error = None, None
    if q.strip():
        try:
            results = _results(services, base, asking)
        except TidemarkError as refused:
            error = refused
    return show(
        request,
        "search.html",
        frame(
            f"{q[:80]} · Search" if q.strip() else "Search",
            "/",
            base.name,
            api_address(base.name, "search", *params.pairs())
            if q.strip()
            else "/api/knowledge-bases",
        ),
        status_code=error.status_code if error else 200,
        chosen=chosen,
        q=q.replace("\0", "\ufffd"),
        kept=[pair for pair in params.pairs() if pair[0] not in {"q", "top_k"}],
        modes=asking.modes(),
        results=results,
        error=error,
        first_use=first_use(services, chosen),
    )


def _results(services: Services, base: KnowledgeBase, asking: Asking) -> Results:
    params = asking.params
    query = params.query()
    services.documents.require(base.id, query.document_ids)
    retrieval = services.retriever.retrieve(base, query, params.top_k)
    shown, found = len(retrieval.passages), len(retrieval.candidates)
    took = duration(retrieval.milliseconds)
    of_found = f"{shown} of {found:,}" if found > shown else f"{shown}"
    return Results(
        summary=f"{of_found} {'passage' if found == 1 else 'passages'} in {took}, best first",
        stages=tuple((s.name, s.detail, duration(s.milliseconds)) for s in retrieval.stages),
        results=tuple(_result(passage, query.text) for passage in retrieval.passages),
        chips=chip_groups(services, asking, retrieval),
        more=asking.at(top_k=MANY) if shown == params.top_k < min(MANY, found) else None,
        ask=address("/ask", ("q", query.text), ("knowledge-base", base.name)),
        ways_on=asking.ways_on(query),
    )


def _result(passage: found.Passage, words: str) -> Result:
    text = _without_heading(plain(passage.text), passage.section_path)
    spans = matches(words, text, passage.language)
    in_common = dict.fromkeys(
        passage.text[start:end].casefold()
        for start, end in matches(words, passage.text, passage.language)
    )
    title = passage.title or passage.document_name
    path = passage.section_path
    return Result(
        rank=passage.rank,
        title=title,
        name=passage.document_name if title != passage.document_name else None,
        address=passage_address(passage, words),
        # A text's first heading is often its title, which stands above already.
        section=SEPARATOR.join(path[1:] if path and path[0] == title else path),
        page=passage.page,
        date=when(passage.revision_created_at),
        score=f"{passage.score:.2f}",
        document_id=passage.document_id,
        quote=passage.text,
        words=excerpt(text, spans),
        why=reasons(passage.evidence, tuple(in_common)),
    )


def _without_heading(text: str, path: tuple[str, ...]) -> str:
    """A passage without its first line, if that is the heading that the path ends with already."""
    first, _, rest = text.partition("\n")
    return rest if path and rest and first == plain(path[-1]) else text
