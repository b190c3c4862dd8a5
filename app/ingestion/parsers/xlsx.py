"""XLSX: its sheets as sections, the values that were last seen in them, and what is drawn there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from xml.etree import ElementTree as ET
from zipfile import ZipFile

from openpyxl import load_workbook

from app.documents.model import ParsedText
from app.errors import UnreadableDocument
from app.ingestion.file_kinds import XLSX
from app.ingestion.parsers.calamine import read_by_calamine
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.drawing import drawn_text, related_by, relations
from app.ingestion.parsers.facts import facts
from app.ingestion.parsers.packages import opened_package
from app.ingestion.parsers.spreadsheet import Row, add_sheet, cell_text
from app.ingestion.parsers.xml_tree import local_name, tree

_WORKBOOK = "xl/workbook.xml"
_STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
"""The namespace of the strict variant, which openpyxl takes for an empty workbook."""


@dataclass(frozen=True)
class XlsxParser:
    """Values as they were saved: formulas are not computed, macros never run."""

    name: str = "openpyxl"
    version: str = "2"
    media_types: frozenset[str] = frozenset({XLSX})

    def parse(self, data: bytes) -> ParsedText:
        with opened_package(data, "an Excel workbook (XLSX)") as package:
            if _STRICT in package.read(_WORKBOOK):
                return read_by_calamine(data)
            workbook = load_workbook(
                BytesIO(data), read_only=True, data_only=True, keep_links=False
            )
            draft = Draft()
            draft.block(facts(workbook.properties.creator, workbook.properties.modified))
            drawn = _drawn(package)
            for sheet in workbook.worksheets:
                sheet.reset_dimensions()  # what a file says of its size is often wrong
                add_sheet(draft, sheet.title, _rows(sheet.iter_rows(values_only=True)))
                _add_drawn(draft, drawn.pop(sheet.title, []))
            for name, texts in drawn.items():  # sheets of nothing but a chart
                draft.heading(1, name)
                _add_drawn(draft, texts)
            return draft.parsed(workbook.properties.title)


def _drawn(package: ZipFile) -> dict[str, list[str]]:
    """The texts of charts and shapes, by the name of their sheet; from above to below."""

    def read(name: str) -> bytes | None:
        return package.read(name) if name in names else None

    names = set(package.namelist())
    sheets = relations(_WORKBOOK, read)
    texts: dict[str, list[str]] = {}
    for sheet in tree(package.read(_WORKBOOK)).iter():
        if local_name(sheet) == "sheet":
            identity = next((v for k, v in sheet.attrib.items() if k.endswith("}id")), "")
            _, part = sheets.get(identity, ("", ""))
            for kind, drawing in relations(part, read).values():
                if kind == "drawing":
                    anchors = sorted(_parts(read(drawing)), key=_place)
                    related = related_by(drawing, read)
                    of_sheet = [text for each in anchors for text in drawn_text(each, related)]
                    texts.setdefault(sheet.get("name", ""), []).extend(filter(None, of_sheet))
    return {name: found for name, found in texts.items() if found}


def _parts(drawing: bytes | None) -> list[ET.Element]:
    try:
        return [] if drawing is None else list(tree(drawing))
    except (ET.ParseError, UnreadableDocument):
        return []  # the cells do not depend on it


def _place(anchor: ET.Element) -> tuple[int, int]:
    """The row and the column of its upper left corner; without one it comes first."""
    told = {local_name(each): each.text or "" for each in _corner(anchor)}
    row, column = (told.get(name, "").strip() for name in ("row", "col"))
    return (int(row) if row.isdecimal() else 0, int(column) if column.isdecimal() else 0)


def _corner(anchor: ET.Element) -> ET.Element:
    return next((each for each in anchor if local_name(each) == "from"), anchor)


def _add_drawn(draft: Draft, texts: list[str]) -> None:
    if texts:
        draft.heading(2, "Drawings")
    for text in texts:
        draft.block(text)


def _rows(rows: Iterator[tuple[object, ...]]) -> Iterator[Row]:
    for row in rows:
        yield [cell_text(value) for value in row]
