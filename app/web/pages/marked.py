"""Texts in parts, some of them marked, and excerpts of them around the marks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Span = tuple[int, int]

LONGEST = 600  # characters that are shown without being cut
EXCERPT = 460
LEAD = 120  # characters shown before the first mark of an excerpt


@dataclass(frozen=True)
class Part:
    """A stretch of a text; the parts of a text, joined, are the text."""

    text: str
    marked: bool = False


def parts(text: str, spans: Iterable[Span]) -> tuple[Part, ...]:
    """`text` with its `spans` (in order, apart from each other) marked."""
    found: list[Part] = []
    done = 0
    for start, end in spans:
        first, last = max(start, done), min(end, len(text))
        if first >= last:
            continue
        if first > done:
            found.append(Part(text[done:first]))
        found.append(Part(text[first:last], marked=True))
        done = last
    if done < len(text):
        found.append(Part(text[done:]))
    return tuple(found)


def excerpt(text: str, spans: tuple[Span, ...]) -> tuple[Part, ...]:
    """A text that is not long, whole; of a long one, the stretch with the most marks."""
    if len(text) <= LONGEST:
        return parts(text, spans)
    start = _best_start(text, spans)
    end = min(len(text), start + EXCERPT)
    if end < len(text):
        end = text.rfind(" ", start + EXCERPT // 2, end) if " " in text[start:end] else end
        end = end if end > start else start + EXCERPT
    inside = tuple((max(s, start) - start, min(e, end) - start) for s, e in spans if e > start)
    cut = [
        *([Part("… ")] if start else []),
        *parts(text[start:end].rstrip(), inside),
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
