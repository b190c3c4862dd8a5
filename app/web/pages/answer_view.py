"""A whole answer as the page shows it: the same pieces that the scripts make of a stream."""

from __future__ import annotations

from dataclasses import dataclass

from app.answering.answer import Support
from app.retrieval.passage import Passage
from app.web.api.answer import AnswerShape, PromptShape, SentenceShape, SideShape, UsageShape
from app.web.api.passage import PassageShape
from app.web.pages.wording import count, dollars, duration, place
from app.web.plain import unmarked

NEAREST = 3  # passages shown where nothing answers


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
    starts_line: bool


@dataclass(frozen=True)
class Source:
    """A passage that was read, and what the answer quotes of it."""

    number: int
    name: str
    place: str
    quotes: tuple[str, ...]
    address: str
    looks_like_orders: bool


@dataclass(frozen=True)
class SideView:
    """What one of two documents says, and of when it is."""

    mark: Mark
    date: str


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
    disagreements: tuple[tuple[str, tuple[SideView, SideView]], ...]
    """In what two passages differ, and both."""
    problems: tuple[str, ...]
    """Knowledge bases that could not be searched as they should, and why."""
    cut_off: bool
    filtered: bool
    prompt: PromptShape | None
    prompt_told: str


def answer_view(answer: AnswerShape, base: str) -> AnswerView:
    sentences = tuple(_sentence(sentence, answer) for sentence in answer.sentences)
    nearest = range(1, min(NEAREST, len(answer.passages)) + 1) if answer.nothing_found else ()
    return AnswerView(
        kind=answer.kind,
        label=_label(answer, ", ".join(answer.knowledge_bases) or base),
        paragraphs=_paragraphs(sentences),
        sources=_sources(answer),
        nearest=tuple(_source(number, answer, ()) for number in nearest),
        explanation=answer.nothing_found.explanation if answer.nothing_found else "",
        summary=_summary(answer),
        checked=tuple(sentence for sentence in sentences if sentence.reasons)
        if answer.kind == "written"
        else (),
        disagreements=tuple(
            (each.about, (_side(each.one), _side(each.other))) for each in answer.disagreements
        ),
        problems=answer.problems,
        cut_off=answer.cut_off,
        filtered=answer.filtered,
        prompt=answer.prompt,
        prompt_told=_prompt_told(answer.prompt) if answer.prompt else "",
    )


def place_of(passage: Passage | PassageShape) -> str:
    """Where a passage stands in its document, in a line; of several knowledge bases, in which."""
    base = (passage.knowledge_base,) if passage.knowledge_base else ()
    page = (f"page {passage.page}",) if passage.page is not None else ()
    return place((*base, *passage.section_path, *page))


def _sentence(sentence: SentenceShape, answer: AnswerShape) -> Sentence:
    pieces: list[Piece] = []
    # Extracts are shown without marks, so that places in their text say nothing; each has its
    # citations at its end.
    whole = (answer.kind == "extracts" and sentence.shown) or sentence.text
    done = 0
    for citation in sentence.citations:
        passage = answer.passages[citation.number - 1]
        mark = Mark(
            citation.number,
            citation.url,
            citation.document_name,
            place_of(passage),
            citation.shown or citation.quote,
        )
        at = len(whole) if answer.kind == "extracts" else citation.at
        pieces.append(Piece(unmarked(whole[done:at], whole), mark))
        done = at
    if done < len(whole):
        pieces.append(Piece(unmarked(whole[done:], whole)))
    return Sentence(
        tuple(pieces),
        unmarked(whole, whole),
        sentence.support,
        _sign(sentence),
        sentence.reasons,
        "\n\n" in sentence.gap,
        "\n" in sentence.gap,
    )


def _sign(sentence: SentenceShape) -> str:
    """What stands after a written sentence; nothing after one that is supported in other words."""
    if sentence.support == "supported":
        return "word for word" if sentence.verbatim else ""
    if sentence.support == "partly":
        return "partly supported"
    return "unsupported" if sentence.citations else "no source"


def _paragraphs(sentences: tuple[Sentence, ...]) -> tuple[tuple[Sentence, ...], ...]:
    made: list[list[Sentence]] = []
    for sentence in sentences:
        if sentence.starts_paragraph or not made:
            made.append([])
        made[-1].append(sentence)
    return tuple(tuple(paragraph) for paragraph in made)


def _sources(answer: AnswerShape) -> tuple[Source, ...]:
    """The passages that the answer cites, in the order of their numbers."""
    quotes: dict[int, list[str]] = {}
    for sentence in answer.sentences:
        for citation in sentence.citations:
            quoted = quotes.setdefault(citation.number, [])
            if answer.kind == "written":  # extracts are their quotes: said once is enough
                quoted.append(citation.shown or citation.quote)
    return tuple(
        _source(number, answer, tuple(dict.fromkeys(quotes[number]))) for number in sorted(quotes)
    )


def _source(number: int, answer: AnswerShape, quotes: tuple[str, ...]) -> Source:
    passage = answer.passages[number - 1]
    return Source(
        number,
        passage.document_name,
        place_of(passage),
        quotes,
        passage.url,
        passage.looks_like_orders,
    )


def _label(answer: AnswerShape, base: str) -> str:
    if answer.kind == "extracts":
        return "Extracts: the documents\u2019 own words"
    if answer.kind == "written":
        return f"Written by {answer.model} from {base}"
    return "Nothing found"


def _side(side: SideShape) -> SideView:
    quote = side.shown or side.quote
    mark = Mark(side.number, side.url, side.document_name, side.knowledge_base or "", quote)
    return SideView(mark, f"{side.date:%-d %B %Y}")


def _spent(usage: UsageShape) -> str:
    tokens = f", {usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens"
    return tokens if usage.cost is None else f"{tokens}, {dollars(usage.cost)}"


def _prompt_told(prompt: PromptShape) -> str:
    told = f"About {prompt.tokens:,} tokens; the passages might take {prompt.budget:,}."
    if prompt.left_out:
        told += f" {count(prompt.left_out, 'passage')} found no room."
    return told


def _summary(answer: AnswerShape) -> str:
    took = f"{count(len(answer.passages), 'passage')} read, {duration(answer.milliseconds)}"
    took += _spent(answer.usage) if answer.usage else ""
    if answer.kind != "written":
        return took
    counts = answer.counts
    marks = [count(counts.supported, "sentence") + " supported"]
    marks += [f"{counts.partly:,} partly"] if counts.partly else []
    marks += [f"{counts.unsupported:,} unsupported"] if counts.unsupported else []
    judged = f" {answer.judgement}" if answer.judgement else ""
    return f"{', '.join(marks)}.{judged} {took}"
