"""CSV and its kin: each row a line in which every value has its column's name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from app.documents.model import ParsedText
from app.ingestion.decoding import decoded
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.parser import sections
from app.ingestion.parsers.rows import captions_of, header_of, joined_cell, line_of, unused

DELIMITERS = ",;\t|"
_NAMED_DELIMITER = re.compile(r"sep=([,;\t|])\n", re.IGNORECASE)
"""What spreadsheets write above a table, and take as said to them."""
_ROWS_TRIED = 200
_ROWS_A_SECTION = 50


@dataclass(frozen=True)
class DelimitedParser:
    """The delimiter is the one that gives most lines the same number of cells."""

    name: str = "csv"
    version: str = "4"
    media_types: frozenset[str] = frozenset({"text/csv", "text/tab-separated-values"})

    def parse(self, data: bytes) -> ParsedText:
        text = decoded(data)
        named = _NAMED_DELIMITER.match(text)
        text = text[named.end() :] if named else text
        delimiter = named[1] if named else _delimiter(text)
        if delimiter is None:  # one column, or no table at all: better as it is
            return ParsedText(text, sections(text, ()))
        rows = [row for row in rows_of(text, delimiter) if any(row)]
        captions = captions_of(rows)
        header = header_of(rows[captions:])
        first = captions + (1 if header else 0)
        draft = Draft()
        draft.block("\n".join(line_of(row, None) for row in rows[:captions]))
        draft.block(unused(header, rows[first:]))
        for start in range(first, len(rows), _ROWS_A_SECTION):
            part = rows[start : start + _ROWS_A_SECTION]
            label = f"Rows {start + 1}-{start + len(part)}"  # as a spreadsheet numbers them
            draft.labelled(label, "\n".join(line_of(row, header) for row in part))
        return draft.parsed()


def _delimiter(text: str) -> str | None:
    best, best_score = None, 0.0
    for delimiter in DELIMITERS:
        widths = [len(row) for row in islice(rows_of(text, delimiter), _ROWS_TRIED) if any(row)]
        if not widths:
            continue
        usual = max(set(widths), key=widths.count)
        score = widths.count(usual) / len(widths) * (1 + min(usual, 50) / 100)
        if usual > 1 and score > best_score:
            best, best_score = delimiter, score
    return best


def rows_of(text: str, delimiter: str) -> Iterator[list[str]]:
    """The rows, each cell in one line.

    A cell is in quotes if it begins with one, and the one that ends it stands before a delimiter or
    a line's end. Any other quote is a character, and swallows nothing: the `csv` module would read
    on to the end of the file.
    """
    row: list[str] = []
    for cell in _cells(delimiter).finditer(text):
        if cell.start() == len(text) and not row:
            return  # what stands behind the last line's end
        quoted, escaped, plain, end = cell.groups()
        if quoted is not None:
            row.append(joined_cell(quoted.replace('""', '"')))
        elif escaped is not None:
            row.append(joined_cell(escaped.replace('\\"', '"').replace('""', '"')))
        else:
            row.append(joined_cell(plain))
        if end != delimiter:
            yield row
            row = []


@cache
def _cells(delimiter: str) -> re.Pattern[str]:
    """A cell and what ends it: in quotes that are doubled within it, or have a backslash, or bare.

    In time that grows with the text: whichever quote begins a cell, another one that does ends it.
    """
    mark = re.escape(delimiter)
    return re.compile(
        rf'[ ]*+(?:"((?:[^"]++|"")*+)"[ ]*+|"((?:[^"\\]++|\\.|"")*+)"[ ]*+|([^{mark}\n]*+))'
        rf"({mark}|\n|\Z)",
        re.DOTALL,
    )
