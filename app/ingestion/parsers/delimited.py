"""CSV and its kin: each row a line in which every value has its column's name."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from app.documents.model import ParsedText
from app.ingestion.decoding import decoded
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.parser import sections
from app.ingestion.parsers.rows import captions_of, header_of, joined_cell, line_of

DELIMITERS = ",;\t|"
_NAMED_DELIMITER = re.compile(r"sep=([,;\t|])\n", re.IGNORECASE)
"""What spreadsheets write above a table, and take as said to them."""
LONGEST_CELL = 10_000_000
_LINES_TRIED = 200
_ROWS_A_SECTION = 50


@dataclass(frozen=True)
class DelimitedParser:
    """The delimiter is the one that gives most lines the same number of cells."""

    name: str = "csv"
    version: str = "2"
    media_types: frozenset[str] = frozenset({"text/csv", "text/tab-separated-values"})

    def parse(self, data: bytes) -> ParsedText:
        text = decoded(data)
        named = _NAMED_DELIMITER.match(text)
        text = text[named.end() :] if named else text
        delimiter = named[1] if named else _delimiter(text)
        if delimiter is None:  # one column, or no table at all: better as it is
            return ParsedText(text, sections(text, ()))
        rows = [row for row in _rows(text, delimiter) if any(row)]
        captions = captions_of(rows)
        header = header_of(rows[captions:])
        first = captions + (1 if header else 0)
        draft = Draft()
        draft.block("\n".join(line_of(row, None) for row in rows[:captions]))
        for start in range(first, len(rows), _ROWS_A_SECTION):
            part = rows[start : start + _ROWS_A_SECTION]
            label = f"Rows {start + 1}-{start + len(part)}"  # as a spreadsheet numbers them
            draft.labelled(label, "\n".join(line_of(row, header) for row in part))
        return draft.parsed()


def _delimiter(text: str) -> str | None:
    sample = "\n".join(text.split("\n", _LINES_TRIED)[:_LINES_TRIED])
    best, best_score = None, 0.0
    for delimiter in DELIMITERS:
        widths = [len(row) for row in _rows(sample, delimiter) if any(row)]
        if not widths:
            continue
        usual = max(set(widths), key=widths.count)
        score = widths.count(usual) / len(widths) * (1 + min(usual, 50) / 100)
        if usual > 1 and score > best_score:
            best, best_score = delimiter, score
    return best


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    for row in reader:
        yield [joined_cell(cell) for cell in row]
