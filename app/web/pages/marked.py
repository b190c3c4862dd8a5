"""Texts in parts, some of them marked, and excerpts of them around the marks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

Span = tuple[int, int]

LONGEST = 600  # characters that are shown without being cut
EXCERPT = 460
LEAD = 120  # characters shown before the first mark of an excerpt


@dataclass(frozen=True)
class Part:
    """A stretch of a text; the parts of a text, joined, are the text.

    `near` is whether it belongs to the sentence that bears most on the question.
    """

    text: str
    marked: bool = False
    near: bool = False


def parts(text: str, spans: Iterable[Span], near: Span | None = None) -> tuple[Part, ...]:
    """`text` with its `spans` (in order) marked, and the stretch `near` told apart."""
    marks = [(max(s, 0), min(e, len(text))) for s, e in spans if s < len(text)]
    sentence = range(*near) if near else range(0)
    edges = {0, len(text), *(edge for mark in marks for edge in mark)}
    edges |= {min(edge, len(text)) for edge in near or ()}
    found: list[Part] = []
    mark = 0
    for start, end in pairwise(sorted(edges)):
        while mark < len(marks) and marks[mark][1] <= start:
            mark += 1
        marked = mark < len(marks) and marks[mark][0] <= start
        found.append(Part(text[start:end], marked, start in sentence))
    return tuple(found)


def excerpt(text: str, spans: tuple[Span, ...], near: Span | None = None) -> tuple[Part, ...]:
    """A text that is not long, whole; of a long one, the stretch with the most marks."""
    if len(text) <= LONGEST:
        return parts(text, spans, near)
    start = _best_start(text, spans)
    end = min(len(text), start + EXCERPT)
    if end < len(text):
        end = text.rfind(" ", start + EXCERPT // 2, end) if " " in text[start:end] else end
        end = end if end > start else start + EXCERPT
    inside = tuple((max(s, start) - start, min(e, end) - start) for s, e in spans if e > start)
    sentence = (max(near[0] - start, 0), max(near[1] - start, 0)) if near else None
    cut = [
        *([Part("… ")] if start else []),
        *parts(text[start:end].rstrip(), inside, sentence),
        *([Part(" …")] if end < len(text) else []),
    ]
    return tuple(cut)


def _best_start(text: str, spans: tuple[Span, ...]) -> int:
    """Where an excerpt begins: at a word, a little before the marks that stand closest together."""
    if not spans or spans[-1][1] <= EXCERPT:
        return 0
    ahead = [sum(s <= start < s + EXCERPT - LEAD for start, _ in spans) for s, _ in spans]
    wanted = max(0, spans[ahead.index(max(ahead))][0] - LEAD)
    space = text.find(" ", wanted, wanted + LEAD)
    return space + 1 if wanted and space >= 0 else wanted
