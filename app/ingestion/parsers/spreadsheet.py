"""A sheet's cells → sections by cell range, each row a line that carries its header."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.rows import captions_of, header_of, joined_cell, line_of, unused

_ROWS_A_SECTION = 50
_LETTERS = 26

Row = Sequence[str]


def add_sheet(draft: Draft, name: str, rows: Iterable[Row]) -> None:
    """Write a sheet; an empty row ends a table, and lone cells above one are its caption."""
    draft.heading(1, name)
    table: list[Row] = []
    number = first = 0
    for number, row in enumerate(rows, 1):
        if any(row):
            first = first or number
            table.append(row)
        elif table:
            _add_table(draft, table, first)
            table, first = [], 0
    if table:
        _add_table(draft, table, first)


def cell_text(value: object) -> str:
    """A cell's value as a person would write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, dt.datetime):
        at_midnight = value.time() == dt.time()
        return value.date().isoformat() if at_midnight else value.isoformat(" ", "seconds")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return joined_cell(str(value))


def _add_table(draft: Draft, rows: list[Row], first: int) -> None:
    captions = captions_of(rows)
    for row in rows[:captions]:
        draft.block(line_of(row, None))
    rows, first = rows[captions:], first + captions
    header = header_of(rows)
    left, right = _columns(rows)
    body = 1 if header else 0
    for start in range(body, len(rows), _ROWS_A_SECTION):
        part = rows[start : start + _ROWS_A_SECTION]
        top = first + (0 if start == body else start)
        draft.heading(2, f"{column(left)}{top}:{column(right)}{first + start + len(part) - 1}")
        lines = [line_of(row, header) for row in part]
        if start == body:
            lines.insert(0, unused(header, rows[body:]))
        draft.block("\n".join(filter(None, lines)))


def _columns(rows: Iterable[Row]) -> tuple[int, int]:
    """The first and the last column with anything in it, counted from 0."""
    filled = [[place for place, cell in enumerate(row) if cell] for row in rows]
    return min(each[0] for each in filled), max(each[-1] for each in filled)


def column(place: int) -> str:
    """A column's letters: A, B, …, Z, AA."""
    letters = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, _LETTERS)
        letters = chr(ord("A") + letter) + letters
    return letters
