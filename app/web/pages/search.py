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
from app.retrieval.matches import matches
from app.retrieval.passage import Passage, Retrieval
from app.retrieval.query import Grouping
from app.retrieval.sentences import sentence_spans
from app.retrieval.spelling import has_unfound_words
from app.services import Services
from app.web.access import needs
from app.web.addresses import (
    Parameter,
    address,
    api_address,
    passage_address,
    place_address,
    search_address,
)
from app.web.pages.first_use import first_use
from app.web.pages.frame import Chosen, ChosenBase, frame, show
from app.web.pages.marked import Part, Span, excerpt
from app.web.pages.narrowing import Asking, Chip, ChipGroup, chip_groups
from app.web.pages.why import Reason, reasons
from app.web.pages.wording import When, duration, when
from app.web.plain import plain
from app.web.search_params import SearchParams, params_of
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

SIZES = (30, 100, 200)  # results that are shown when more are wanted, and then still more
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
    base: str
    named: bool
    """Whether the knowledge base is told, as several are searched."""
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
    nearest: bool
    """Whether the sentence that is told apart is the nearest in meaning."""
    about: str
    """The page that tells more of this document's place."""


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
            _result(passage, retrieval.query.words, asking) for passage in retrieval.passages
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


def _result(passage: Passage, words: str, asking: Asking) -> Result:
    text = _without_heading(plain(passage.text), passage.section_path)
    spans = matches(words, text, passage.language)
    in_common = dict.fromkeys(
        passage.text[start:end].casefold()
        for start, end in matches(words, passage.text, passage.language)
    )
    title = passage.title or passage.document_name
    path = passage.section_path
    alone = asking.of(passage.knowledge_base_id)
    return Result(
        rank=passage.rank,
        base=alone.base,
        named=alone is not asking,
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
        words=excerpt(text, spans, _telling_sentence(passage, text)),
        why=reasons(passage.evidence, tuple(in_common)),
        also=tuple(Link(place.document_name, place_address(place)) for place in passage.also),
        more=tuple(
            Link(SEPARATOR.join(each.section_path) or "Passage", passage_address(each, words))
            for each in passage.more
        ),
        nearest=passage.evidence.nearest is not None,
        about=address(
            "/why",
            ("knowledge-base", alone.base),
            *alone.params.pairs(),
            ("about", passage.document_name),
        ),
    )


def _telling_sentence(passage: Passage, text: str) -> Span | None:
    """The sentence nearest in meaning where that was asked for, else the one of most weight."""
    nearest = passage.evidence.nearest
    if nearest is None:
        return _heaviest_sentence(passage, text)
    sentence = plain(passage.text[nearest.start : nearest.end])
    start = text.find(sentence)  # elsewhere only where its marks of emphasis go on beyond it
    return (start, start + len(sentence)) if start >= 0 else None


def _heaviest_sentence(passage: Passage, text: str) -> Span | None:
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
