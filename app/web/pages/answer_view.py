"""A whole answer as the page shows it: the same pieces that the scripts make of a stream."""

from __future__ import annotations

from dataclasses import dataclass

from app.answering.answer import Answer, AnswerSentence, Citation, Support
from app.retrieval.passage import Passage
from app.web.addresses import passage_address, quote_address
from app.web.pages.wording import count, duration

SEPARATOR = " \u203a "


@dataclass(frozen=True)
class Mark:
    """A citation as a link: its number, what it quotes, and where that stands."""

    number: int
    address: str
    name: str
    place: str
    quote: str


@dataclass(frozen=True)
class Piece:
    """A stretch of a sentence, and the citation that follows it, if one does."""

    text: str
    mark: Mark | None = None


@dataclass(frozen=True)
class Sentence:
    pieces: tuple[Piece, ...]
    text: str
    support: Support
    sign: str
    reasons: tuple[str, ...]
    starts_paragraph: bool


@dataclass(frozen=True)
class Source:
    """A passage that was read, and what the answer quotes of it."""

    number: int
    name: str
    place: str
    quotes: tuple[str, ...]
    address: str


@dataclass(frozen=True)
class AnswerView:
    kind: str
    label: str
    paragraphs: tuple[tuple[Sentence, ...], ...]
    sources: tuple[Source, ...]
    nearest: tuple[Source, ...]
    explanation: str
    summary: str
    checked: tuple[Sentence, ...]
    """The sentences of which there is something to say."""


def answer_view(answer: Answer, base: str) -> AnswerView:
    sentences = tuple(_sentence(sentence) for sentence in answer.sentences)
    nothing = answer.nothing_found
    return AnswerView(
        kind=answer.kind,
        label=_label(answer, base),
        paragraphs=_paragraphs(sentences),
        sources=_sources(answer),
        nearest=tuple(_source(n, p, ()) for n, p in enumerate(nothing.nearest, 1))
        if nothing
        else (),
        explanation=nothing.explanation if nothing else "",
        summary=_summary(answer),
        checked=tuple(sentence for sentence in sentences if sentence.reasons),
    )


def place_of(passage: Passage) -> str:
    """Where in its document a passage stands, in a line."""
    page = (f"page {passage.page}",) if passage.page is not None else ()
    return SEPARATOR.join((*passage.section_path, *page))


def _sentence(sentence: AnswerSentence) -> Sentence:
    pieces: list[Piece] = []
    done = 0
    for citation in sentence.citations:
        pieces.append(Piece(sentence.text[done : citation.at], _mark(citation)))
        done = citation.at
    if done < len(sentence.text):
        pieces.append(Piece(sentence.text[done:]))
    return Sentence(
        tuple(pieces),
        sentence.text,
        sentence.support,
        _sign(sentence),
        sentence.reasons,
        "\n\n" in sentence.gap,
    )


def _sign(sentence: AnswerSentence) -> str:
    """What stands after a written sentence; nothing after one that is supported in other words."""
    if sentence.support == "supported":
        return "word for word" if sentence.verbatim else ""
    if sentence.support == "partly":
        return "partly supported"
    return "unsupported" if sentence.citations else "no source"


def _mark(citation: Citation) -> Mark:
    passage, quoted = citation.passage, citation.quote
    return Mark(
        citation.number,
        quote_address(quoted),
        passage.document_name,
        place_of(passage),
        quoted.text,
    )


def _paragraphs(sentences: tuple[Sentence, ...]) -> tuple[tuple[Sentence, ...], ...]:
    made: list[list[Sentence]] = []
    for sentence in sentences:
        if sentence.starts_paragraph or not made:
            made.append([])
        made[-1].append(sentence)
    return tuple(tuple(paragraph) for paragraph in made)


def _sources(answer: Answer) -> tuple[Source, ...]:
    """The passages that the answer cites, in the order of their numbers."""
    quotes: dict[int, list[str]] = {}
    for citation in answer.citations:
        quoted = quotes.setdefault(citation.number, [])
        if answer.kind == "written":  # extracts are their quotes: said once is enough
            quoted.append(citation.quote.text)
    return tuple(
        _source(number, answer.passages[number - 1], tuple(dict.fromkeys(quotes[number])))
        for number in sorted(quotes)
    )


def _source(number: int, passage: Passage, quotes: tuple[str, ...]) -> Source:
    return Source(
        number, passage.document_name, place_of(passage), quotes, passage_address(passage)
    )


def _label(answer: Answer, base: str) -> str:
    if answer.kind == "extracts":
        return "Extracts: the documents\u2019 own words"
    if answer.kind == "written":
        return f"Written by {answer.model} from {base}"
    return "Nothing found"


def _summary(answer: Answer) -> str:
    took = f"{count(len(answer.passages), 'passage')} read, {duration(answer.milliseconds)}"
    if answer.kind != "written":
        return took
    counts = answer.counts
    marks = [count(counts["supported"], "sentence") + " supported"]
    marks += [f"{counts['partly']:,} partly"] if counts["partly"] else []
    marks += [f"{counts['unsupported']:,} unsupported"] if counts["unsupported"] else []
    return f"{', '.join(marks)}. {took}"
