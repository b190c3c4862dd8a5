"""A stretch of a document's text in blocks that can be read: headings, prose, tables, code.

The text is shown as it was written, character for character but for the blank lines between blocks
and what stands between a table's cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from app.documents.model import Section
from app.web.pages.marked import Part, Span, parts

Kind = Literal["page", "heading", "prose", "code", "table"]

FENCE = re.compile(r"\s*(?:```|~~~)")
INDENTED = re.compile(r"(?:    |\t)")
HEADING_MARKS = re.compile(r"[ ]{0,3}#{1,6}[ \t]+")
BAR = re.compile(r"(?<!\\)\|")
RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
DEEPEST = 4


@dataclass(frozen=True)
class Cell:
    """`anchor` is that the marked place begins in it."""

    parts: tuple[Part, ...]
    anchor: bool = False


Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Block:
    """`start` is its offset into the revision's text; `anchor`, that the marked place begins in it.

    `depth` is a heading's place below the page's own, from 2; it never skips one. `head` and `rows`
    are a table's, `parts` is all of its text.
    """

    kind: Kind
    start: int
    parts: tuple[Part, ...]
    anchor: bool = False
    depth: int = 0
    head: Row = ()
    rows: tuple[Row, ...] = ()


def blocks(
    text: str, offset: int, sections: Sequence[Section], marked: Span | None
) -> tuple[Block, ...]:
    """Blocks of `text`, which stands at `offset` of its revision; `marked` is a span of that."""
    made: list[Block] = []
    depth, page, anchored = 1, None, False
    for section in sections:
        start, end = max(section.start, offset), min(section.end, offset + len(text))
        if start >= end:
            continue
        if section.page != page:
            page = section.page
            made.append(Block("page", start, (Part(f"Page {page}"),)))
        heading = _heading_end(text, start - offset, section) if start == section.start else None
        for kind, first, last in _stretches(text, start - offset, end - offset, heading):
            if kind == "heading":
                depth = min(len(section.path) + 1, depth + 1, DEEPEST)
            # The rail leads to where a section begins, which is before its heading's marks.
            at = section.start if kind == "heading" else offset + first
            spans = _inside(marked, offset + first, offset + last)
            anchor = bool(spans) and not anchored
            anchored = anchored or anchor
            shown = parts(text[first:last], spans)
            head, rows = (
                _table(text[first:last], spans, anchor=anchor) if kind == "table" else ((), ())
            )
            level = depth if kind == "heading" else 0
            made.append(Block(kind, at, shown, anchor, level, head, rows))
    return tuple(made)


def _heading_end(text: str, start: int, section: Section) -> int | None:
    """Where the section's first line ends, if it is its heading."""
    if not section.path:
        return None
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    line = text[start:end].strip().strip("#*_ ")
    # Markup within a heading is not in its path: "## The `ask` command".
    plain = re.sub(r"[`*_\\]", "", line)
    return end if re.sub(r"[`*_\\]", "", section.path[-1]) == plain else None


def _stretches(
    text: str, start: int, end: int, heading: int | None
) -> Iterator[tuple[Kind, int, int]]:
    """Kind, start and end of each block of `text[start:end]`, without the blank lines around it."""
    if heading is not None:
        # What is shown as a heading need not say so with its marks too: "## The way" → "The way".
        marks = HEADING_MARKS.match(text, start, heading)
        yield "heading", marks.end() if marks else start, heading
        start = heading
    begun: int | None = None
    fenced, last = False, start
    for first, after in _lines(text, start, end):
        line = text[first:after]
        if not line.strip() and not fenced:
            if begun is not None:
                yield _kind(text[begun:last]), begun, last
                begun = None
            continue
        begun = first if begun is None else begun
        last = first + len(line.rstrip())
        if FENCE.match(line):
            fenced = not fenced
    if begun is not None:
        yield _kind(text[begun:last]), begun, last


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        after = text.find("\n", start, end) + 1 or end
        yield start, after
        start = after


def _kind(block: str) -> Kind:
    lines = block.split("\n")
    if FENCE.match(block) or all(INDENTED.match(line) for line in lines if line.strip()):
        return "code"
    if len(lines) == 1 or not all(line.startswith("|") for line in lines):
        return "prose"
    return "table" if all(len(BAR.findall(line)) > 1 for line in lines) else "code"


def _table(block: str, marks: tuple[Span, ...], *, anchor: bool) -> tuple[Row, tuple[Row, ...]]:
    """The head of a Markdown table, if this stretch of it has one, and its other rows.

    Where `anchor`, the first cell with a mark is the page's one place to go to.
    """
    head: Row = ()
    rows: list[Row] = []
    awaited = anchor
    for first, after in _lines(block, 0, len(block)):
        line = block[first:after].rstrip()
        if RULE.fullmatch(line):
            if len(rows) == 1:
                head = rows.pop()
            continue
        bars = [bar.end() for bar in BAR.finditer(line)]
        row: list[Cell] = []
        for start, end in pairwise([*bars, len(line) + 1]):
            said = line[start : end - 1]
            if start == bars[-1] and not said.strip():
                continue  # what follows the last bar
            begun = first + start + len(said) - len(said.lstrip())
            told = said.strip()
            inside = [
                (s - begun, e - begun) for s, e in marks if s < begun + len(told) and e > begun
            ]
            row.append(Cell(parts(told, inside), bool(inside) and awaited))
            awaited = awaited and not inside
        rows.append(tuple(row))
    return head, tuple(rows)


def _inside(marked: Span | None, start: int, end: int) -> tuple[Span, ...]:
    """The marked stretch as offsets into the block, if any of it is inside."""
    if marked is None:
        return ()
    first, last = max(marked[0], start), min(marked[1], end)
    return ((first - start, last - start),) if first < last else ()
