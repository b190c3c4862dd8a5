"""DOC: Word's format until 2007. Paragraphs, headings, lists and tables; notes at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

from olefile import OleFileIO

from app.documents.model import ParsedText
from app.ingestion.parsers.doc_file import Paragraph, paragraphs_of
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.facts import with_facts
from app.ingestion.parsers.ole import summary_of
from app.ingestion.parsers.rows import joined_cell, lines_of

_HEADINGS = range(1, 10)  # the numbers of these styles, in every document
_CELL = "\x07"
# A field: what it computes, then, after the second mark, what came of it. Fields lie in fields.
_FIELD_BEGINS, _FIELD_GAVE, _FIELD_ENDS = "\x13\x14\x15"
_MARKS = re.compile("[\x00-\x06\x08\x0e-\x1d\x1f]")
_BREAKS = str.maketrans({"\x0b": "\n", "\x0c": "\n", "\x1e": "-", "\r": "", _CELL: ""})


@dataclass(frozen=True)
class DocParser:
    """Read from the piece table, so that what was typed last is read, and nothing deleted."""

    name: str = "doc"
    version: str = "3"
    media_types: frozenset[str] = frozenset({"application/msword"})

    def parse(self, data: bytes) -> ParsedText:
        with OleFileIO(BytesIO(data)) as container:
            about = summary_of(container)
            parsed = _drafted(paragraphs_of(container)).parsed(about.title)
            return with_facts(about.facts, parsed)


def _drafted(paragraphs: Iterable[Paragraph]) -> Draft:
    draft = Draft()
    rows: list[list[str]] = []
    cells: list[str] = []
    cell: list[str] = []
    for paragraph in paragraphs:
        text = _shown(paragraph.text)
        if paragraph.ends_row:
            rows.append(cells)
            cells, cell = [], []
        elif paragraph.in_table or paragraph.text.endswith(_CELL):
            cell.append(text)
            if paragraph.text.endswith(_CELL):
                cells.append(joined_cell(" ".join(cell)))
                cell = []
        else:
            if cells or rows:
                draft.block(lines_of([*rows, cells]))
                rows, cells = [], []
            if paragraph.style in _HEADINGS:
                draft.heading(paragraph.style, text)
            else:
                draft.block(text)
    draft.block(lines_of([*rows, cells]))
    return draft


def _shown(text: str) -> str:
    """Without what fields compute, and without the marks of pictures and notes."""
    if _FIELD_BEGINS in text:
        text = "".join(_without_codes(text))
    return _MARKS.sub("", text.translate(_BREAKS)).strip()


def _without_codes(text: str) -> Iterator[str]:
    # What a field computes is said within a paragraph; what came of it may be many.
    in_code: list[bool] = []
    for character in text:
        if character == _FIELD_BEGINS:
            in_code.append(True)
        elif character == _FIELD_GAVE and in_code:
            in_code[-1] = False
        elif character == _FIELD_ENDS and in_code:
            in_code.pop()
        elif True not in in_code:
            yield character
