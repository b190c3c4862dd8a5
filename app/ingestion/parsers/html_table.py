"""An HTML table → a row a line, its cells between bars, as in Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.ingestion.parsers.html_events import Closed, Opened, Words, tags

_INLINE = tags(
    "a abbr b bdi bdo big cite code data del dfn em font i img ins kbd mark math q s samp small",
    "span strike strong sub sup time tt u var wbr",
)
_MOST_COLUMNS = 1_000
"""The most that a `colspan` may say, as in the HTML standard."""


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
        """The caption, then the rows; a table of one column is a paragraph of lines."""
        rows = [row for row in self._rows if any(row)]
        width = max((len(row) for row in rows), default=0)
        caption = " ".join("".join(self._caption).split())
        lines = [caption, ""] if caption else []
        if width == 1:
            return "\n".join([*lines, *(row[0] for row in rows)])
        for number, row in enumerate(rows):
            lines.append(f"| {' | '.join(row + [''] * (width - len(row)))} |")
            if number + 1 == self._header_rows:
                lines.append("|" + " --- |" * width)
        return "\n".join(lines)

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
            # A bar in a cell would look like the end of it.
            words = " ".join("".join(self._cell).split()).replace("|", "\\|")
            self._rows[-1].extend([words, *[""] * (self._columns - 1)])
            self._cell = None

    def _separate(self, event: Opened | Closed) -> None:
        if event.tag not in _INLINE and self._cell is not None:
            self._cell.append(" ")
