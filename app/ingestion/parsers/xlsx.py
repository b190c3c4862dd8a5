"""XLSX: its sheets as sections, the values that were last seen in them, and what is drawn there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO

from openpyxl import load_workbook

from app.documents.model import ParsedText
from app.errors import TidemarkError
from app.ingestion.file_kinds import XLSX
from app.ingestion.parsers.calamine import sheets_by_calamine
from app.ingestion.parsers.drawing import relations
from app.ingestion.parsers.packages import opened_package, part_of
from app.ingestion.parsers.spreadsheet import Row, cell_text
from app.ingestion.parsers.workbook import parsed_workbook
from app.ingestion.parsers.xml_tree import local_name, tree

_WORKBOOK = "xl/workbook.xml"
_STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
"""The namespace of the strict variant, which openpyxl takes for an empty workbook."""


@dataclass(frozen=True)
class XlsxParser:
    """Values as they were saved: formulas are not computed, macros never run."""

    name: str = "openpyxl"
    version: str = "5"
    media_types: frozenset[str] = frozenset({XLSX})

    def parse(self, data: bytes) -> ParsedText:
        with opened_package(data, "an Excel workbook (XLSX)") as package:
            related = relations("", partial(part_of, package)).values()
            main = next((part for kind, part in related if kind == "officeDocument"), _WORKBOOK)
            workbook = package.read(main)
            read = partial(parsed_workbook, package, main, _listed(workbook))
            if _STRICT in workbook:
                return read(sheets_by_calamine(data))
            try:
                return read(_sheets(data))
            except (TidemarkError, MemoryError, RecursionError):
                raise
            except Exception:  # noqa: BLE001 - openpyxl raises any for a style it does not know
                return read(sheets_by_calamine(data))  # to which styles are nothing


def _sheets(data: bytes) -> Iterator[tuple[str, Iterator[Row]]]:
    workbook = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
    for sheet in workbook.worksheets:
        sheet.reset_dimensions()  # what a file says of its size is often wrong
        yield sheet.title, _rows(sheet.iter_rows(values_only=True))


def _listed(workbook: bytes) -> dict[str, str]:
    """The sheets' names, with the ids of what they are related to."""
    return {
        sheet.get("name", ""): next((v for k, v in sheet.attrib.items() if k.endswith("}id")), "")
        for sheet in tree(workbook).iter()
        if local_name(sheet) == "sheet"
    }


def _rows(rows: Iterator[tuple[object, ...]]) -> Iterator[Row]:
    for row in rows:
        yield [cell_text(value) for value in row]
