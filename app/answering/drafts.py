"""A written answer as it comes: its sentences and their markers, before anything is checked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.answering.markers import Marker, MarkerReader
from app.retrieval.sentences import sentence_spans

_LOOKAHEAD = 24
"""Characters after a full stop that show whether it ended a sentence: the next word at least."""
_CLOSERS = 6
"""Of these, how many may be quotes and brackets that still belong to the sentence."""

_MAY_END = frozenset(".!?…。！？｡．؟۔।॥։።။។\n\r\u2028\u2029")  # noqa: RUF001


@dataclass(frozen=True)
class DraftSentence:
    """A sentence of the model's without its markers; `marks` are (offset into `text`, number).

    `gap` is what stands before it and says nothing: white space, and marks without a word.
    """

    text: str
    gap: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass
class Draft:
    """Pieces of a model's text → text as it can be shown, and sentences as they end.

    How the stream was split makes no difference: sentences are looked for at fixed distances from
    the characters that may end one.
    """

    _reader: MarkerReader = field(default_factory=MarkerReader)
    _text: str = ""
    _marks: list[tuple[int, int]] = field(default_factory=list)
    _ends: deque[int] = field(default_factory=deque)

    def read(self, piece: str) -> Iterator[str | DraftSentence]:
        """The text and the whole sentences that are certain once `piece` has come."""
        yield from self._advance(self._reader.read(piece))

    def finish(self) -> Iterator[str | DraftSentence]:
        """What was held back, and the sentences that end with the text."""
        yield from self._advance(self._reader.finish())
        yield from self._cut(upto=len(self._text), last=True)

    def _advance(self, parts: Iterator[str | Marker]) -> Iterator[str | DraftSentence]:
        shown = ""
        for part in parts:
            if isinstance(part, Marker):
                self._marks.extend((len(self._text), number) for number in part.numbers)
                continue
            shown += part
            for sentence in self._append(part):
                if shown:
                    yield shown
                shown = ""
                yield sentence
        if shown:
            yield shown

    def _append(self, part: str) -> Iterator[DraftSentence]:
        for character in part:
            self._text += character
            if character in _MAY_END:
                self._ends.append(len(self._text))
            if self._ends and len(self._text) - self._ends[0] >= _LOOKAHEAD:
                yield from self._cut(upto=self._ends.popleft() + _CLOSERS)

    def _cut(self, upto: int, *, last: bool = False) -> Iterator[DraftSentence]:
        """The sentences that end at or before `upto`; the rest waits, or is the `last`."""
        done = 0
        for start, end in sentence_spans(self._text, longest=None):
            if end > upto:
                break
            says = any(map(str.isalnum, self._text[start:end]))
            if not says and not (last and not self._text[end:].strip()):
                continue  # a table's rule, or a line of dashes: part of the gap to the next
            marks = [(at, n) for at, n in self._marks if at <= end]
            # A marker with a sentence still to come stays with the one it follows.
            self._marks = [(at, n) for at, n in self._marks if at > end]
            yield DraftSentence(
                text=self._text[start:end],
                gap=self._text[done:start],
                marks=tuple((max(0, at - start), number) for at, number in marks),
            )
            done = end
        self._text = self._text[done:]
        self._marks = [(at - done, number) for at, number in self._marks]
        self._ends = deque(end - done for end in self._ends if end > done)
