"""Passages that say different things of the same: both are shown, with their dates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations

from app.answering.answer import Citation, Disagreement, Side
from app.answering.citations import quote_of
from app.answering.derivations import derivation
from app.answering.lexical import terms
from app.answering.names import NameBook, names, small_words
from app.answering.numbers import Number, numbers, same
from app.answering.polarity import opposed
from app.indexes.analysis import language_of
from app.retrieval.passage import Passage
from app.retrieval.sentences import sentence_spans

ALIKE = 0.75
"""The share of the words of each of two sentences, figures left aside, that the other has."""
HALF = 0.5
"""The same with their figures: what has less is not looked at any closer."""
FEWEST = 3
"""Words that two sentences must share to be about the same."""
MOST = 3
"""Disagreements that are told."""
MOST_SENTENCES = 400


def disagreements(
    passages: Sequence[Passage], citations: Iterable[Citation]
) -> tuple[Disagreement, ...]:
    """Where a passage that is cited, and another that was read, contradict each other.

    Two sentences of different documents are held against each other where they say the same but for
    a figure, a date or a negation; other wordings are not found, and nothing is said of them.
    """
    cited = {citation.number for citation in citations}
    sentences = [
        _Sentence(number, passage, start, end)
        for number, passage in enumerate(passages, 1)
        for start, end in sentence_spans(passage.text)
    ][:MOST_SENTENCES]
    found = list[Disagreement]()
    for one, other in combinations([each for each in sentences if len(each.words) >= FEWEST], 2):
        apart = one.passage.document_id != other.passage.document_id
        if apart and cited & {one.number, other.number} and one.is_like(other):
            about = next(_contradictions(one, other), None)
            if about is not None:
                found.append(Disagreement(one.side(), other.side(), about))
                if len(found) == MOST:
                    break
    return tuple(found)


class _Sentence:
    """A sentence, taken apart as far as it is asked for: most are like none of the others."""

    def __init__(self, number: int, passage: Passage, start: int, end: int) -> None:
        self.number, self.passage, self.span = number, passage, (start, end)
        self.text = passage.text[start:end]
        self.words = frozenset(terms(self.text))

    @cached_property
    def numbers(self) -> list[Number]:
        return numbers(self.text)

    @cached_property
    def terms(self) -> frozenset[str]:
        """Those of its words that are no figures."""
        words, done = "", 0
        for each in self.numbers:
            words += self.text[done : each.start]
            done = max(done, each.end)
        return frozenset(terms(words + self.text[done:]))

    def is_like(self, other: _Sentence) -> bool:
        if len(self.words & other.words) < HALF * max(len(self.words), len(other.words)):
            return False
        shared = len(self.terms & other.terms)
        return shared >= max(FEWEST, ALIKE * len(self.terms), ALIKE * len(other.terms))

    def has_names_of(self, other: _Sentence) -> bool:
        """Whether it names, or stands in a passage that names, all that the other one names."""
        small = small_words(other.passage.text) | small_words(self.passage.text)
        book = NameBook.of("\n".join((self.text, *self.passage.section_path)))
        return all(book.has(each) for each in names(other.text, language_of(other.text), small))

    def side(self) -> Side:
        return Side(self.number, self.passage, quote_of(self.passage, *self.span))


def _follows(number: Number, month: Number) -> bool:
    """Whether the number is a day: "3 May", "May 3"."""
    gap = max(month.start - number.end, number.start - month.end)
    return month.month and 0 <= gap <= len(". ")


def _contradictions(one: _Sentence, other: _Sentence) -> Iterator[str]:
    """In what the two differ, in words."""
    if not (one.has_names_of(other) and other.has_names_of(one)):
        return
    if len(one.numbers) == len(other.numbers):
        differing = [
            (mine, theirs)
            for mine, theirs in zip(one.numbers, other.numbers, strict=True)
            if not (same(mine, theirs) or same(theirs, mine))
            and derivation(mine, [theirs], one.text) is None
            and derivation(theirs, [mine], other.text) is None
        ]
        if len(differing) == 1:
            mine, theirs = differing[0]
            # Beside another figure, a date tells which case is spoken of, as in a table.
            dated = mine.month or mine.year or any(_follows(mine, each) for each in one.numbers)
            if mine.same_kind(theirs) and not (dated and len(one.numbers) > 1):
                yield f"{mine.text} against {theirs.text}"
        if differing:
            return
    if opposed(one.text, other.text, other.text) is not None:
        yield "one says the opposite of the other"
