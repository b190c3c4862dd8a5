"""XLSX: its sheets as sections, the values that were last seen in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from openpyxl import load_workbook

from app.documents.model import ParsedText
from app.ingestion.file_kinds import XLSX
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.packages import opened_package
from app.ingestion.parsers.spreadsheet import Row, add_sheet, cell_text


@dataclass(frozen=True)
class XlsxParser:
    """Values as they were saved: formulas are not computed, macros never run."""

    name: str = "openpyxl"
    version: str = "1"
    media_types: frozenset[str] = frozenset({XLSX})

    def parse(self, data: bytes) -> ParsedText:
        with opened_package(data, "an Excel workbook (XLSX)"):
            workbook = load_workbook(BytesIO(data), read_only=True, data_only=True)
            draft = Draft()
            for sheet in workbook.worksheets:
                sheet.reset_dimensions()  # what a file says of its size is often wrong
                add_sheet(draft, sheet.title, _rows(sheet.iter_rows(values_only=True)))
            return draft.parsed(workbook.properties.title)


def _rows(rows: Iterator[tuple[object, ...]]) -> Iterator[Row]:
    for row in rows:
        yield [cell_text(value) for value in row]
