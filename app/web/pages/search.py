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
from app.retrieval.passage import Grouping
from app.retrieval.sentences import sentence_spans
from app.services import Services
from app.web.access import needs
from app.web.addresses import Parameter, address, api_address, passage_address, place_address
from app.web.pages.first_use import first_use
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.marked import Part, Span, excerpt
from app.web.pages.narrowing import Asking, Chip, ChipGroup, chip_groups
from app.web.pages.plain import plain
from app.web.pages.why import Reason, reasons
from app.web.pages.wording import When, duration, when
from app.web.search_params import SearchParams
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

MANY = 30
LONGEST_LOOKED_THROUGH = 20_000  # characters of a passage in which a sentence is marked
SEPARATOR = " \u203a "  # between the headings of a path


@dataclass(frozen=True)
class Link:
    label: str
    address: str


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
    also: tuple[Link, ...]
    """Where else nearly the same text stands."""
    more: tuple[Link, ...]
    """The document's other passages, where results are documents."""
    about: str
    """The page that tells more of this document's place."""


@dataclass(frozen=True)
class Results:
    summary: str
    stages: tuple[tuple[str, str, str], ...]
    """Name, what it did, how long it took."""
    results: tuple[Result, ...]
    chips: tuple[ChipGroup, ...]
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
            api_address(base.name, "search", *params.as_data())
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
        group=asking.other_grouping(),
        stages=tuple((s.name, s.detail, duration(s.milliseconds)) for s in retrieval.stages),
        results=tuple(_result(passage, query.text, asking) for passage in retrieval.passages),
        chips=chip_groups(services, asking, retrieval),
        more=asking.at(top_k=MANY) if shown == params.top_k < min(MANY, found) else None,
        ask=address("/ask", ("q", query.text), ("knowledge-base", base.name)),
        ways_on=asking.ways_on(query),
    )


def _result(passage: found.Passage, words: str, asking: Asking) -> Result:
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
        words=excerpt(text, spans, _heaviest_sentence(passage, text)),
        why=reasons(passage.evidence, tuple(in_common)),
        also=tuple(Link(place.document_name, place_address(place)) for place in passage.also),
        more=tuple(
            Link(SEPARATOR.join(each.section_path) or "Passage", passage_address(each, words))
            for each in passage.more
        ),
        about=address(
            "/why",
            ("knowledge-base", asking.base),
            *asking.params.pairs(),
            ("about", passage.document_name),
        ),
    )


def _heaviest_sentence(passage: found.Passage, text: str) -> Span | None:
    """The sentence whose words gave most to the passage's BM25 score; None if there are none."""
    weights = passage.evidence.word_weights
    if not weights or len(text) > LONGEST_LOOKED_THROUGH:
        return None
    where = {word: matches(word, text, passage.language) for word in weights}

    def weight(sentence: Span) -> float:
        start, end = sentence
        return sum(
            given
            for word, given in weights.items()
            if any(start <= first < end for first, _ in where[word])
        )

    sentences = sentence_spans(text)
    best = max(sentences, key=weight, default=None)
    # Where all is one sentence, marking it says nothing.
    return best if best is not None and len(sentences) > 1 and weight(best) > 0 else None


def _without_heading(text: str, path: tuple[str, ...]) -> str:
    """A passage without its first line, if that is the heading that the path ends with already."""
    first, _, rest = text.partition("\n")
    return rest if path and rest and first == plain(path[-1]) else text
