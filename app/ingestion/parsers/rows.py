"""Rows of cells → lines that can be read by themselves: each carries its header."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"[-+(]?[\d.,'\s:/-]*\d[\d.,'\s:/-]*[%)€$£]?(?:[eE][-+]?\d+)?\Z")
_LONGEST_LABEL = 80
_MOST_COLUMNS = 16_384


def is_number(text: str) -> bool:
    """Whether a cell has a number, with its sign, unit or exponent, or a date in digits."""
    return _NUMBER.match(text) is not None


def joined_cell(text: str) -> str:
    """A cell in one line."""
    return " ".join(text.split())


def header_of(rows: Sequence[Sequence[str]]) -> Sequence[str] | None:
    """The first row if it names the columns: short words, no two alike, no numbers."""
    if len(rows) < 2:  # noqa: PLR2004 - a header and something under it
        return None
    first = [cell for cell in rows[0][:_MOST_COLUMNS] if cell]
    width = max(sum(bool(cell) for cell in row) for row in rows[1:20])
    names_columns = (
        len(first) > 1
        and len(first) * 2 > width
        and len({cell.lower() for cell in first}) == len(first)
        and all(len(cell) <= _LONGEST_LABEL and not is_number(cell) for cell in first)
    )
    return rows[0] if names_columns else None


def captions_of(rows: Sequence[Sequence[str]]) -> int:
    """How many rows of a lone cell stand above a table."""
    captions = 0
    while captions < len(rows) - 1 and sum(map(bool, rows[captions])) == 1:
        captions += 1
    return captions if captions < len(rows) - 1 else 0  # else it is one column all the way


def line_of(row: Sequence[str], header: Sequence[str] | None) -> str:
    """`Port: Brest; High water: 6 m`, or `Brest | 6 m` without a header; empty cells are not."""
    if header is None:
        return " | ".join(row).strip(" |")
    cells = []
    for place, cell in enumerate(row):
        if cell:
            label = header[place] if place < len(header) else ""
            cells.append(f"{label}: {cell}" if label else cell)
    return "; ".join(cells)


def unused(header: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> str:
    """The header as a line of its own, if any of its columns is empty: its name would be lost."""
    if header is None:
        return ""
    filled = {place for row in rows for place, cell in enumerate(row) if cell}
    empty = any(cell and place not in filled for place, cell in enumerate(header))
    return line_of(header, None) if empty else ""


def lines_of(rows: Sequence[Sequence[str]]) -> str:
    """A table, a row a line."""
    header = header_of(rows)
    body = rows[1:] if header else rows
    lines = (line_of(row, header) for row in body)
    return "\n".join(filter(None, (unused(header, body), *lines)))
