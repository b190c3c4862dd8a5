"""An HTML table → a row a line, its cells between bars, as in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from app.ingestion.parsers.html_events import Closed, Opened, Words, tags
from app.ingestion.parsers.rows import header_of, line_of, unused

_INLINE = tags(
    "a abbr b bdi bdo big cite code data del dfn em font i img ins kbd mark math q s samp small",
    "span strike strong sub sup time tt u var wbr",
)
_MOST_COLUMNS = 1_000
"""The most that a `colspan` may say, as in the HTML standard."""


_LONG = 12
"""Rows of a table that are rarely all in one chunk."""


@dataclass
class TableText:
    """Takes the events from a table's start to its end; a table in a cell becomes words of it."""

    _caption: list[str] = field(default_factory=list)
    _rows: list[list[str]] = field(default_factory=list)
    _header_rows: int = 0
    _cell: list[str] | None = None
    _columns: int = 1
    _row_is_header: bool = True
    _inner_tables: int = 0
    is_closed: bool = False

    def take(self, event: Opened | Closed | Words) -> None:
        """Read one event; the table's own start is not among them."""
        if isinstance(event, Words):
            (self._caption if self._cell is None else self._cell).append(event.text)
        elif event.tag == "table":
            self._inner_tables += 1 if isinstance(event, Opened) else -1
            self.is_closed = self._inner_tables < 0
        elif self._inner_tables:
            self._separate(event)
        elif event.tag == "tr":
            self._take_row(event)
        elif event.tag in {"td", "th"}:
            self._take_cell(event)
        else:
            self._separate(event)

    def text(self) -> str:
        """The caption, then the rows; a table of one column is a paragraph of lines.

        In a long table, which chunks will cut, every row carries its header.
        """
        rows = [row for row in self._rows if any(row)]
        width = max((len(row) for row in rows), default=0)
        caption = " ".join("".join(self._caption).split())
        lines = [caption, ""] if caption else []
        if width == 1:
            return "\n".join([*lines, *(row[0] for row in rows)])
        if len(rows) > _LONG:
            return "\n".join([*lines, *self._labelled(rows)])
        for number, row in enumerate(rows):
            # A bar in a cell would look like the end of it.
            cells = (cell.replace("|", "\\|") for cell in row + [""] * (width - len(row)))
            lines.append(f"| {' | '.join(cells)} |")
            if number + 1 == self._header_rows:
                lines.append("|" + " --- |" * width)
        return "\n".join(lines)

    def _labelled(self, rows: list[list[str]]) -> Iterator[str]:
        if 0 < self._header_rows < len(rows):
            header = [
                " ".join(dict.fromkeys(filter(None, labels)))
                for labels in zip_longest(*rows[: self._header_rows], fillvalue="")
            ]
            body = rows[self._header_rows :]
        else:
            header = list(header_of(rows) or ())
            body = rows[1:] if header else rows
        yield from filter(None, [unused(header or None, body)])
        for row in body:
            yield line_of(row, header or None)

    def _take_row(self, event: Opened | Closed) -> None:
        if isinstance(event, Opened):
            self._rows.append([])
            self._row_is_header = True
        elif self._rows and any(self._rows[-1]):
            filled = sum(any(row) for row in self._rows)
            if self._row_is_header and self._header_rows == filled - 1:
                self._header_rows = filled

    def _take_cell(self, event: Opened | Closed) -> None:
        if isinstance(event, Opened):
            self._cell = []
            self._row_is_header = self._row_is_header and event.tag == "th"
            span = event.node.attributes.get("colspan") or ""
            self._columns = min(int(span), _MOST_COLUMNS) if span.isdecimal() else 1
        elif self._cell is not None and self._rows:
            words = " ".join("".join(self._cell).split())
            self._rows[-1].extend([words, *[""] * (self._columns - 1)])
            self._cell = None

    def _separate(self, event: Opened | Closed) -> None:
        if event.tag not in _INLINE and self._cell is not None:
            self._cell.append(" ")
