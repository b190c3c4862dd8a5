"""What all workbooks since Excel 2007 have, in XML or in binary: facts, sheets and drawings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from xml.etree import ElementTree as ET
from zipfile import ZipFile

from app.documents.model import ParsedText
from app.errors import UnreadableDocument
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.drawing import drawn_text, related_by, relations
from app.ingestion.parsers.facts import CORE, core_of
from app.ingestion.parsers.packages import part_of
from app.ingestion.parsers.spreadsheet import Row, add_sheet
from app.ingestion.parsers.xml_tree import local_name, tree


def parsed_workbook(
    package: ZipFile,
    main: str,
    listed: Mapping[str, str],
    sheets: Iterable[tuple[str, Iterable[Row]]],
) -> ParsedText:
    """The text of `sheets`, each with what is drawn on it.

    `main` is the part that lists all sheets, and `listed` are their names with the ids of what they
    are related to.
    """
    core = core_of(part_of(package, CORE))
    draft = Draft()
    draft.block(core.facts)
    drawn = _drawn(package, main, listed)
    for name, rows in sheets:
        add_sheet(draft, name, rows)
        _add_drawn(draft, drawn.pop(name, []))
    for name, texts in drawn.items():  # sheets of nothing but a chart
        draft.heading(1, name)
        _add_drawn(draft, texts)
    return draft.parsed(core.title)


def _drawn(package: ZipFile, main: str, listed: Mapping[str, str]) -> dict[str, list[str]]:
    """The texts of charts and shapes, by the name of their sheet; from above to below."""
    read = partial(part_of, package)
    related = relations(main, read)
    texts: dict[str, list[str]] = {}
    for name, identity in listed.items():
        _, part = related.get(identity, ("", ""))
        for kind, drawing in relations(part, read).values():
            if kind == "drawing":
                anchors = sorted(_parts(read(drawing)), key=_place)
                found = related_by(drawing, read)
                of_sheet = [text for each in anchors for text in drawn_text(each, found)]
                texts.setdefault(name, []).extend(filter(None, of_sheet))
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
