"""ODT, ODS and ODP: OpenDocument's texts, sheets and slides, which share one XML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from xml.etree import ElementTree as ET

from app.documents.model import ParsedText
from app.errors import PasswordProtected, UnreadableDocument
from app.ingestion.file_kinds import ODF_TEMPLATES, ODP, ODS, ODT
from app.ingestion.media_type import described, detected
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.facts import facts
from app.ingestion.parsers.odf_text import DRAW, TABLE, TEXT, OdfText, attribute, cell_words
from app.ingestion.parsers.packages import opened_package
from app.ingestion.parsers.spreadsheet import Row, add_sheet
from app.ingestion.parsers.xml_tree import local_name, tree, words

_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_MOST_COLUMNS = 16_384
_MOST_ROWS = 1 << 20


@dataclass(frozen=True)
class OdfParser:
    """Headings, lists, tables, notes and the descriptions of pictures; what was deleted is not."""

    name: str = "odf"
    version: str = "4"
    media_types: frozenset[str] = frozenset({ODT, ODS, ODP}) | ODF_TEMPLATES

    def parse(self, data: bytes) -> ParsedText:
        with opened_package(data, described(detected(data))) as package:
            if b"encryption-data" in package.read("META-INF/manifest.xml"):
                raise PasswordProtected("The OpenDocument file is protected with a password.")
            try:
                root = tree(package.read("content.xml"))
                named = "meta.xml" in package.namelist()
                meta = tree(package.read("meta.xml")) if named else ET.Element("none")
            except ET.ParseError as fault:
                raise UnreadableDocument("The OpenDocument file is damaged.") from fault
        return parsed_odf(root, meta)


def parsed_odf(root: ET.Element, meta: ET.Element) -> ParsedText:
    """What is in a document's content, and in what is told of it; both may be one tree."""
    title, author, date = (words(_first(meta, name)) for name in ("title", "creator", "date"))
    draft = Draft()
    draft.block(facts(author, date))
    body = next((each for each in root.iter() if local_name(each) == "body"), root)
    for content in body:
        kind = local_name(content)
        if kind == "spreadsheet":
            for sheet in content.iter(TABLE + "table"):
                rows = islice(_rows(sheet), _MOST_ROWS)
                add_sheet(draft, attribute(sheet, TABLE, "name") or "Sheet", rows)
                _add_shapes(draft, [each for each in sheet if local_name(each) == "shapes"])
        elif kind == "presentation":
            for number, slide in enumerate(content.iter(DRAW + "page"), 1):
                _add_slide(draft, slide, number)
        else:
            OdfText(draft).add(content)
    return draft.parsed(title or draft.first_heading)


def _first(root: ET.Element, name: str) -> ET.Element | None:
    return next(root.iter(_DUBLIN_CORE + name), None)


def _add_slide(draft: Draft, slide: ET.Element, number: int) -> None:
    draft.page()
    title = next((each for each in slide if _role(each) == "title"), None)
    draft.heading(1, words(title) or f"Slide {number}")
    writer = OdfText(draft)
    for shape in slide:
        if shape is title:
            continue
        if local_name(shape) == "notes":
            notes = " ".join(words(each) for each in shape.iter(TEXT + "p"))
            draft.block(f"Notes: {notes}" if notes.strip() else "")
        else:
            writer.add(shape)


def _add_shapes(draft: Draft, shapes: list[ET.Element]) -> None:
    if any(words(each) for each in shapes):
        draft.heading(2, "Drawings")
        for each in shapes:
            OdfText(draft).add(each)


def _role(shape: ET.Element) -> str:
    return next((v for k, v in shape.attrib.items() if k.endswith("presentation:1.0}class")), "")


def _rows(sheet: ET.Element) -> Iterator[Row]:
    empty = 0  # rows, of which the last ones fill the sheet
    for row in sheet.iter(TABLE + "table-row"):
        cells: list[str] = []
        for cell in row:
            if local_name(cell) not in {"table-cell", "covered-table-cell"}:
                continue
            text = cell_words(cell)
            repeated = _count(cell, "number-columns-repeated")
            if text or len(cells) + repeated < _MOST_COLUMNS:
                cells.extend([text] * min(repeated, _MOST_COLUMNS - len(cells)))
        while cells and not cells[-1]:
            cells.pop()
        repeated = _count(row, "number-rows-repeated")
        if cells:
            yield from repeat(list[str](), empty)
            yield from repeat(cells, repeated)
            empty = 0
        else:
            empty += repeated


def _count(element: ET.Element, name: str) -> int:
    value = attribute(element, TABLE, name)
    return int(value) if value.isdecimal() else 1
