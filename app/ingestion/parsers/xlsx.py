"""XLSX: its sheets as sections, the values that were last seen in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from openpyxl import load_workbook

from app.documents.model import ParsedText
from app.ingestion.file_kinds import XLSX
from app.ingestion.parsers.calamine import read_by_calamine
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.packages import opened_package
from app.ingestion.parsers.spreadsheet import Row, add_sheet, cell_text

_STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
"""The namespace of the strict variant, which openpyxl takes for an empty workbook."""


@dataclass(frozen=True)
class XlsxParser:
    """Values as they were saved: formulas are not computed, macros never run."""

    name: str = "openpyxl"
    version: str = "1"
    media_types: frozenset[str] = frozenset({XLSX})

    def parse(self, data: bytes) -> ParsedText:
        with opened_package(data, "an Excel workbook (XLSX)") as package:
            if _STRICT in package.read("xl/workbook.xml"):
                return read_by_calamine(data)
            workbook = load_workbook(
                BytesIO(data), read_only=True, data_only=True, keep_links=False
            )
            draft = Draft()
            for sheet in workbook.worksheets:
                sheet.reset_dimensions()  # what a file says of its size is often wrong
                add_sheet(draft, sheet.title, _rows(sheet.iter_rows(values_only=True)))
            return draft.parsed(workbook.properties.title)


def _rows(rows: Iterator[tuple[object, ...]]) -> Iterator[Row]:
    for row in rows:
        yield [cell_text(value) for value in row]
