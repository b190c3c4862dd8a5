"""The search page: words → passages, each of which opens its document at the place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.documents.model import KnowledgeBase
from app.errors import TidemarkError
from app.retrieval import passage as found
from app.retrieval.matches import matches
from app.services import Services
from app.web.addresses import Parameter, address, api_address, passage_address, search_address
from app.web.pages.first_use import first_use
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.marked import Part, excerpt
from app.web.pages.plain import plain
from app.web.pages.why import Reason, reasons
from app.web.pages.wording import When, count, duration, when
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

FEW = 10
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
    words: tuple[Part, ...]
    why: tuple[Reason, ...]


@dataclass(frozen=True)
class Chip:
    """A document that results can be narrowed to, or that they are narrowed to already."""

    name: str
    address: str
    on: bool


@dataclass(frozen=True)
class Results:
    summary: str
    stages: tuple[tuple[str, str, str], ...]
    """Name, what it did, how long it took."""
    results: tuple[Result, ...]
    chips: tuple[Chip, ...]
    more: str | None
    ask: str
    everywhere: str
    """The same words without the filter."""


@router.get("/")
def search_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    *,
    q: str = "",
    document: Annotated[tuple[int, ...], Query()] = (),
    top_k: int = FEW,
) -> HTMLResponse:
    base = chosen.base
    results, error = None, None
    if q.strip():
        try:
            results = _results(services, base, found.Query(q, document), top_k)
        except TidemarkError as refused:
            error = refused
    asked: list[tuple[str, Parameter]] = [("q", q), ("top_k", top_k)]
    asked += [("document", each) for each in document]
    return show(
        request,
        "search.html",
        frame(
            f"{q[:80]} · Search" if q.strip() else "Search",
            "/",
            base.name,
            api_address(base.name, "search", *asked) if q.strip() else "/api/knowledge-bases",
        ),
        status_code=error.status_code if error else 200,
        chosen=chosen,
        q=q.replace("\0", "\ufffd"),
        filters=document,
        results=results,
        error=error,
        first_use=first_use(services, chosen),
    )


def _results(services: Services, base: KnowledgeBase, query: found.Query, top_k: int) -> Results:
    services.documents.require(base.id, query.document_ids)
    retrieval = services.retriever.retrieve(base, query, top_k)
    passages = retrieval.passages
    more = (
        search_address(base.name, query.text, query.document_ids, MANY)
        if len(passages) == top_k < MANY
        else None
    )
    took = duration(retrieval.milliseconds)
    return Results(
        summary=f"{count(len(passages), 'passage')} in {took}, best first",
        stages=tuple((s.name, s.detail, duration(s.milliseconds)) for s in retrieval.stages),
        results=tuple(_result(passage, query.text) for passage in passages),
        chips=_chips(services, base, retrieval),
        more=more,
        ask=address("/ask", ("q", query.text), ("knowledge-base", base.name)),
        everywhere=search_address(base.name, query.text),
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
        words=excerpt(text, spans),
        why=reasons(passage.evidence, tuple(in_common)),
    )


def _without_heading(text: str, path: tuple[str, ...]) -> str:
    """A passage without its first line, if that is the heading that the path ends with already."""
    first, _, rest = text.partition("\n")
    return rest if path and rest and first == plain(path[-1]) else text


def _chips(services: Services, base: KnowledgeBase, retrieval: found.Retrieval) -> tuple[Chip, ...]:
    """The documents of the results; once narrowed, those chosen, each of which can be let go."""
    query = retrieval.query
    if query.document_ids:
        chosen = query.document_ids
        return tuple(
            Chip(
                services.documents.get(each).name,
                search_address(base.name, query.text, tuple(o for o in chosen if o != each)),
                on=True,
            )
            for each in chosen
        )
    names = {passage.document_id: passage.document_name for passage in retrieval.passages}
    return tuple(
        Chip(name, search_address(base.name, query.text, (document_id,)), on=False)
        for document_id, name in names.items()
        if len(names) > 1
    )
