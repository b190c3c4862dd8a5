"""XML of any kind: what its elements say, by their names where they are short."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from xml.etree import ElementTree as ET

from app.documents.model import ParsedText
from app.ingestion.decoding import decoded
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.facts import facts
from app.ingestion.parsers.odf import parsed_odf
from app.ingestion.parsers.odf_text import OFFICE, attribute
from app.ingestion.parsers.parser import sections
from app.ingestion.parsers.spreadsheet import Row, add_sheet
from app.ingestion.parsers.xml_tree import EntitiesDeclared, local_name, tree, words

_DECLARED = re.compile(rb"""\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_DECLARATION = re.compile(r"<\?xml\s[^>]*\?>")
_EXCEL = "{urn:schemas-microsoft-com:office:spreadsheet}"
_OFFICE = "{urn:schemas-microsoft-com:office:office}"
_MOST_ROWS, _MOST_COLUMNS = 1 << 20, 16_384
_LONGEST_VALUE = 200
_TITLES = frozenset({"title", "name", "heading", "head"})


@dataclass(frozen=True)
class XmlParser:
    """Feeds, records and marked-up prose, and what office programs save as XML.

    What is not well-formed is kept as it stands.
    """

    name: str = "xml"
    version: str = "4"
    media_types: frozenset[str] = frozenset({"text/xml"})

    def parse(self, data: bytes) -> ParsedText:
        declared = _DECLARED.match(data)
        text = decoded(data, declared[1].decode() if declared else None)
        try:
            # In letters that the parser knows: of encodings with more bytes to one it knows few.
            root = tree(_DECLARATION.sub("", text.lstrip()).lstrip().encode())
        except (ET.ParseError, EntitiesDeclared):
            return ParsedText(text, sections(text, ()))
        if root.tag == f"{OFFICE}document":
            return parsed_odf(root, root)
        draft = Draft()
        if root.tag == f"{_EXCEL}Workbook":
            date = _about(root, "LastSaved") or _about(root, "Created")
            draft.block(facts(_about(root, "Author"), date))
            for sheet in root.iter(f"{_EXCEL}Worksheet"):
                rows = islice(_rows(sheet), _MOST_ROWS)
                add_sheet(draft, attribute(sheet, _EXCEL, "Name") or "Sheet", rows)
            return draft.parsed(_about(root, "Title"))
        lines: list[str] = []
        for block in _blocks(root):
            if isinstance(block, str):
                lines.append(block)
            else:
                draft.block("\n".join(lines))
                lines.clear()
                draft.block(words(block))
        draft.block("\n".join(lines))
        titles = (words(each) for each in root.iter() if local_name(each) in _TITLES)
        return draft.parsed(next(titles, None))


def _about(workbook: ET.Element, what: str) -> str:
    return words(next(workbook.iter(f"{_OFFICE}{what}"), None))


def _rows(sheet: ET.Element) -> Iterator[Row]:
    """Of a sheet in the XML of Excel 2003; those after empty ones say their place."""
    number = 0
    for row in sheet.iter(f"{_EXCEL}Row"):
        place = _place(row, number)
        yield from repeat(list[str](), place - number)
        cells: list[str] = []
        for cell in row.iter(f"{_EXCEL}Cell"):
            cells += [""] * (min(_place(cell, len(cells)), _MOST_COLUMNS) - len(cells))
            cells.append(" ".join(words(each) for each in cell.iter(f"{_EXCEL}Data")))
        yield cells
        number = place + 1


def _place(element: ET.Element, following: int) -> int:
    """Where a row or a cell is, counted from 0."""
    told = attribute(element, _EXCEL, "Index")
    return max(int(told) - 1, following) if told.isdecimal() else following


def _blocks(root: ET.Element) -> Iterator[str | ET.Element]:
    """A line for each short value, with its name; an element for each stretch of prose."""
    waiting = [root]
    while waiting:  # a loop, because a tree can be deeper than Python's stack
        element = waiting.pop()
        name = local_name(element)
        for label, value in element.attrib.items():
            if value.strip() and not label.startswith("{"):
                yield f"{name} {label}: {' '.join(value.split())}"
        if _is_prose(element):
            yield element
        elif len(element):
            waiting.extend(reversed(element))
        elif text := words(element):
            yield f"{name}: {text}"


def _is_prose(element: ET.Element) -> bool:
    """Whether words stand beside elements, or are many."""
    own = element.text or ""
    if not len(element):
        return len(own) > _LONGEST_VALUE
    return bool(own.strip()) or any((each.tail or "").strip() for each in element)
