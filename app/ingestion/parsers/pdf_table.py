"""Lines of cells on a page → tables, whose rows carry their columns' names.

A PDF has no tables, only words at places. Lines below each other are taken to be one if their
parts, far from each other, stand in the same columns.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.ingestion.parsers.pdf_lines import Cell, Line
from app.ingestion.parsers.rows import header_of, is_number, line_of

_STEP = 3.0
"""The farthest that a row may stand below the one before, in sizes of its letters."""
_CONTINUES = 0.75
"""A line as much nearer to the one before than rows are to each other goes on with its row."""
_SIZE_TOLERANCE = 0.25
_LEVEL = 0.3  # of the letters' size, by which parts of a row may stand higher or lower
_NAMES = 3  # columns that a header names at least: two may as well be a label and its value
_MOST_ROWS = 60  # looked at together; a longer table is read as several
_LONGEST_TABLE = 2_000  # rows of one with names
_LOOKED_AT = 20  # lines, for where rows begin, and whether the first one has names
_FEWEST_ROWS = 3  # of a table without a header
_LONGEST = 30  # characters of the middle cell; those of columns of prose are longer
_NUMBERS = 0.6  # of a column's cells, where the header tells what they count
_ITEM = re.compile(r"\W|[(\[]?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5})[.)\]]|[\d.]+")

Columns = tuple[tuple[float, float], ...]
"""Left and right of each, from the left."""


@dataclass(frozen=True)
class Table(Line):
    """A table in the place of its lines: `text` has a row a line, as spreadsheets are read too."""


def with_tables(lines: Sequence[Line]) -> list[Line]:
    """The lines of a page, in the order that the file draws them, with tables in their places."""
    rows, parts = _rows(lines)
    made: list[Line] = []
    at = 0
    while at < len(rows):
        below = rows[at : at + _LONGEST_TABLE]
        text, used = _named(below) or _unnamed(below) or ("", 1)
        # What is no row of a table stays as it was drawn.
        made += [_table(text, below[:used])] if text else parts[at]
        at += used
    return made


def _table(text: str, rows: Sequence[Line]) -> Table:
    left, right = min(row.left for row in rows), max(row.right for row in rows)
    return Table(text, left, rows[-1].bottom, right, rows[0].top, rows[0].size)


def _rows(lines: Sequence[Line]) -> tuple[list[Line], list[list[Line]]]:
    """Lines drawn one after the other from left to right as one row, and what each is made of."""
    rows: list[Line] = []
    parts: list[list[Line]] = []
    for line in lines:
        last = rows[-1] if rows else None
        if last and abs(last.bottom - line.bottom) < _LEVEL * line.size and line.left > last.right:
            cells = (*_cells(last), *_cells(line))
            text, bottom, top = f"{last.text} {line.text}", last.bottom, max(last.top, line.top)
            rows[-1] = Line(text, last.left, bottom, line.right, top, last.size, cells)
            parts[-1].append(line)
        else:
            rows.append(line)
            parts.append([line])
    return rows, parts


def _named(lines: Sequence[Line]) -> tuple[str, int] | None:
    """The text of a table that begins with its columns' names, and how many lines it has."""
    # Its beginning decides, so that no page takes long whose every line could be a header.
    if len(lines[0].cells) < _NAMES or _under_names(lines[:_LOOKED_AT]) is None:
        return None
    return _under_names(lines)


def _under_names(lines: Sequence[Line]) -> tuple[str, int] | None:
    header = lines[0].cells
    labels = _labels(lines, header[0].left)
    columns = (*labels, *((cell.left, cell.right) for cell in header))
    names = ["" for _ in labels] + [cell.text for cell in header]
    rows: list[list[str]] = []
    heights: list[int] = []  # lines of each row
    gap = _gap_of_rows(lines)
    for before, line in pairwise(lines):
        row = _row(line, columns) if _follows(before, line) else None
        if row is None:
            break
        near = before.bottom - line.bottom < _CONTINUES * gap
        if rows and near and _goes_on(rows[-1], row):
            rows[-1] = [" ".join(filter(None, pair)) for pair in zip(rows[-1], row, strict=True)]
            heights[-1] += 1
        else:
            rows.append(row)
            heights.append(1)
    while rows and sum(map(bool, rows[-1])) == 1:  # what follows the table
        rows.pop()
        heights.pop()
    full = [row for row in rows if sum(map(bool, row)) > 1]
    if len(full) < 2 or header_of([names, *rows]) is None or not _counts(names, rows):  # noqa: PLR2004
        return None
    return "\n".join(line_of(row, names) for row in rows), 1 + sum(heights)


def _labels(lines: Sequence[Line], right: float) -> list[tuple[float, float]]:
    """The column of what stands left of `right`, where the first name is, if there is any."""
    if len(lines) == 1 or lines[1].left > right - lines[0].size:
        return []
    ends = [cell.right for line in lines[1:_LOOKED_AT] for cell in _cells(line)]
    return [(lines[1].left, max((end for end in ends if end < right), default=lines[1].left))]


def _cells(line: Line) -> tuple[Cell, ...]:
    return line.cells or (Cell(line.text, line.left, line.right),)


def _goes_on(above: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a line may be the rest of the cells above it, which had no room in one line."""
    return not row[0] and all(one for one, other in zip(above, row, strict=True) if other)


def _counts(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line differs from the others: one of its names stands above numbers."""
    for place, name in enumerate(names):
        cells = [row[place] for row in rows if row[place]]
        if name and len(cells) > 1 and sum(map(is_number, cells)) >= _NUMBERS * len(cells):
            return True
    return False


def _unnamed(lines: Sequence[Line]) -> tuple[str, int] | None:
    """The text of lines of two cells and more in the same columns, and how many they are."""
    run = [lines[0]]
    for before, line in pairwise(lines[:_MOST_ROWS]):
        if not _follows(before, line) or len(line.cells) < 2:  # noqa: PLR2004
            break
        run.append(line)
    if len(run) < _FEWEST_ROWS or not run[0].cells:
        return None
    columns = _columns(run)
    lengths = [len(cell.text) for line in run for cell in line.cells]
    if len(columns) == 1 or statistics.median(lengths) > _LONGEST:
        return None  # columns of prose
    rows: list[list[str]] = []
    for line in run:
        row = _row(line, columns)
        if row is None:
            return None
        rows.append(row)
    if len(columns) == 2 and _is_list([line.cells[0].text for line in run]):  # noqa: PLR2004
        return None
    return "\n".join(line_of(row, None) for row in rows), len(run)


def _is_list(first: Sequence[str]) -> bool:
    """Whether the first cells are an item's marks or numbers, as of a list, or of headings."""
    return len(set(first)) == 1 or all(map(_ITEM.fullmatch, first))


def _follows(before: Line, line: Line) -> bool:
    step = before.bottom - line.bottom
    alike = abs(line.size - before.size) <= _SIZE_TOLERANCE * max(line.size, before.size)
    return alike and before.size / 2 < step <= _STEP * before.size


def _gap_of_rows(lines: Sequence[Line]) -> float:
    """From one row to the next, where the rows begin at the left."""
    left = min((line.left for line in lines[1:_LOOKED_AT]), default=0.0)
    begun = [line.bottom for line in lines[1:_LOOKED_AT] if line.left < left + line.size]
    gaps = [one - other for one, other in pairwise(begun) if one > other]
    return statistics.median(gaps) if gaps else 0.0


def _columns(run: Sequence[Line]) -> Columns:
    """The stretches of the page's width that the cells stand in, with white between them."""
    made: list[tuple[float, float]] = []
    for cell in sorted((cell for line in run for cell in line.cells), key=lambda cell: cell.left):
        if made and cell.left < made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], cell.right))
        else:
            made.append((cell.left, cell.right))
    return tuple(made)


def _row(line: Line, columns: Columns) -> list[str] | None:
    """The line's cells by column; None if one reaches across columns, or two stand in one."""
    row = ["" for _ in columns]
    for cell in _cells(line):
        under = [place for place, span in enumerate(columns) if _shared(cell, span) > 0]
        if len(under) > 1:
            return None
        place = under[0] if under else _nearest(cell, columns)
        if row[place]:
            return None
        row[place] = cell.text
    return row


def _nearest(cell: Cell, columns: Columns) -> int:
    return max(range(len(columns)), key=lambda place: _shared(cell, columns[place]))


def _shared(cell: Cell, span: tuple[float, float]) -> float:
    """The width that both have; below 0, how far they are from each other."""
    return min(cell.right, span[1]) - max(cell.left, span[0])
