"""What a sentence says and a passage holds, taken apart into what can be compared, and compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from app.answering.answer import Check
from app.answering.derivations import derivation
from app.answering.lexical import Lexicon, question_terms
from app.answering.names import Name, NameBook, names, small_words
from app.answering.numbers import Number, numbers, same
from app.indexes.analysis import language_of
from app.retrieval.passage import Passage
from app.retrieval.sentences import Span, sentence_spans

_ANAPHOR = re.compile(
    r"(?i)\b(he|she|it|they|him|her|them|his|hers|its|their|theirs|this|these|those|such|the|who|"
    r"which|er|sie|es|sein|seine|ihr|ihre|dies|diese|dieser|der|die|das|il|elle|ils|son|sa|leur|"
    r"le|la|les|él|ella|su|sus|el)\b"
)


@dataclass(frozen=True)
class Claim:
    """A sentence, taken apart; `terms` are those of its words that are no numbers."""

    text: str
    numbers: tuple[Number, ...]
    names: tuple[Name, ...]
    terms: tuple[str, ...]

    @classmethod
    def of(cls, text: str, sources: Iterable[Source]) -> Claim:
        """The parts of `text`; what `sources` write small is taken for no name."""
        found = numbers(text)
        small = set().union(*(source.small for source in sources))
        language = language_of(text)
        named = [
            name
            for name in names(text, language, small)
            if not any(n.start < name.end and name.start < n.end for n in found)
        ]
        words, done = "", 0  # without its numbers, which are looked for as such
        for number in found:
            words += text[done : number.start]
            done = max(done, number.end)
        return cls(text, tuple(found), tuple(named), tuple(question_terms(words + text[done:])))


class Source:
    """A passage, taken apart into its sentences; each part is made when it is first asked for."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        self._numbers = dict[Span, list[Number]]()
        self._books = dict[Span, NameBook]()

    @cached_property
    def spans(self) -> list[Span]:
        """Its sentences; the rule of a table says nothing that could be quoted."""
        text = self.passage.text
        spans = [(a, b) for a, b in sentence_spans(text) if any(map(str.isalnum, text[a:b]))]
        return spans or [(0, len(text))]

    @cached_property
    def texts(self) -> list[str]:
        return [self.passage.text[start:end] for start, end in self.spans]

    @cached_property
    def lexicon(self) -> Lexicon:
        return Lexicon.of(self.texts)

    @cached_property
    def terms(self) -> frozenset[str]:
        return frozenset(term for text in self.lexicon.texts for term in text)

    @cached_property
    def book(self) -> NameBook:
        """The names of the whole passage, its headings and its document."""
        return NameBook.of(f"{self.heading}\n{self.passage.text}")

    @cached_property
    def heading(self) -> str:
        passage = self.passage
        return " \n ".join([passage.document_name, passage.title or "", *passage.section_path])

    @cached_property
    def heading_book(self) -> NameBook:
        return NameBook.of(self.heading)

    @cached_property
    def small(self) -> set[str]:
        return small_words(self.passage.text)

    def numbers_in(self, span: Span) -> list[Number]:
        if span not in self._numbers:
            self._numbers[span] = numbers(self.passage.text[slice(*span)])
        return self._numbers[span]

    def names_in(self, span: Span) -> NameBook:
        if span not in self._books:
            self._books[span] = NameBook.of(self.passage.text[slice(*span)])
        return self._books[span]


def number_checks(claim: Claim, core: Sequence[Number], around: Sequence[Number]) -> list[Check]:
    """Each number of the claim against those of the quote.

    `core` are the numbers of the sentence that says most of the claim. Where it has another number
    of the same kind, one from the sentences `around` it is about something else. Each number of the
    core stands for one of the claim's.
    """
    free = list(core)
    found = dict[int, bool]()
    for place, claimed in enumerate(claim.numbers):
        match = next((other for other in free if same(claimed, other)), None)
        if match is not None:
            free.remove(match)
            found[place] = True
    checks = []
    for place, claimed in enumerate(claim.numbers):
        kind: Literal["date", "number"] = "date" if claimed.month or claimed.year else "number"
        rivals = [other for other in free if other.same_kind(claimed)]
        if place in found:
            checks.append(Check(kind, claimed.text, "found"))
        elif (how := derivation(claimed, core, claim.text)) is not None:
            checks.append(Check(kind, claimed.text, "derived", how))
        elif rivals:
            there = ", ".join(other.text for other in rivals[:3])
            checks.append(Check(kind, claimed.text, "contradicted", f"the quote has {there}"))
        elif any(same(claimed, other) for other in [*core, *around]):
            checks.append(Check(kind, claimed.text, "found"))
        elif (how := derivation(claimed, around, claim.text)) is not None:
            checks.append(Check(kind, claimed.text, "derived", how))
        else:
            checks.append(Check(kind, claimed.text, "missing"))
    return checks


def name_check(name: Name, book: NameBook, source: Source, quote: str) -> Check:
    """A name of a claim against those of the quote, which `book` has, and of its passage."""
    if book.has(name):
        return Check("name", name.text, "found")
    if book.spells_out(name):
        return Check("name", name.text, "derived", "by its initials")
    if source.heading_book.has(name):
        return Check("name", name.text, "derived", "from the heading")
    if source.book.has(name) and _ANAPHOR.search(quote):
        return Check("name", name.text, "derived", "from elsewhere in the passage")
    return Check("name", name.text, "missing")
