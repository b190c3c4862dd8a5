"""A passage as the search page shows it: its words marked, and why it is there."""

from __future__ import annotations

from dataclasses import dataclass

from app.retrieval.matches import matches
from app.retrieval.passage import Passage
from app.retrieval.sentences import sentence_spans
from app.web.addresses import (
    address,
    passage_address,
    place_address,
)
from app.web.pages.marked import Part, Span, excerpt
from app.web.pages.narrowing import Asking
from app.web.pages.why import Reason, reasons
from app.web.pages.wording import When, place, when
from app.web.plain import plain

LONGEST_LOOKED_THROUGH = 20_000  # characters of a passage in which a sentence is marked


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


def result_view(passage: Passage, words: str, asking: Asking) -> Result:
    """The passage that was found for `words`, with the addresses that lead on from it."""
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
        section=place(path[1:] if path and path[0] == title else path),
        page=passage.page,
        date=when(passage.revision_created_at),
        score=f"{passage.score:.2f}",
        document_id=passage.document_id,
        quote=passage.text,
        words=excerpt(text, spans, _telling_sentence(passage, text)),
        why=reasons(passage.evidence, tuple(in_common)),
        also=tuple(Link(each.document_name, place_address(each)) for each in passage.also),
        more=tuple(
            Link(place(each.section_path) or "Passage", passage_address(each, words))
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
