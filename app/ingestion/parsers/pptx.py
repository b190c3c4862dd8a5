"""PPTX: a slide a section and a page; titles, lists, tables, charts, notes, pictures' words."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO

from pptx import Presentation
from pptx.oxml import parse_xml
from pptx.oxml.xmlchemy import BaseOxmlElement
from pptx.shapes.autoshape import Shape
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape

from app.documents.model import ParsedText
from app.ingestion.file_kinds import PPTX
from app.ingestion.parsers.docx_math import formula_text
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.drawing import drawn_text
from app.ingestion.parsers.facts import CORE, core_of
from app.ingestion.parsers.packages import opened_package, part_of
from app.ingestion.parsers.rows import joined_cell, lines_of

_NON_VISUAL = ".//{http://schemas.openxmlformats.org/presentationml/2006/main}cNvPr"
_ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_FORMULA = "{http://schemas.microsoft.com/office/drawing/2010/main}m"
_MAIN_SPACE = "http://schemas.openxmlformats.org/drawingml/2006/main"
_DEEPEST_GROUP = 20
_RELATIONS = "_rels/.rels"
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_TYPES = "[Content_Types].xml"
_ENDING = re.compile(rb"""\sExtension\s*=\s*["']([^"'<>]*)""", re.IGNORECASE)
_DEFAULT = b'<Default Extension="%s" ContentType="application/octet-stream"/>'
_MAIN = b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
_OTHER_MAIN = re.compile(
    rb"application/vnd\.(?:openxmlformats-officedocument\.presentationml\.(?:slideshow|template)"
    rb"|ms-powerpoint\.(?:slideshow|template|addin)\.macroEnabled)\.main\+xml"
)


@dataclass(frozen=True)
class PptxParser:
    """Shapes are read as they are arranged, from above to below."""

    name: str = "python-pptx"
    version: str = "5"
    media_types: frozenset[str] = frozenset({PPTX})

    def parse(self, data: bytes) -> ParsedText:
        with opened_package(data, "a PowerPoint presentation (PPTX)") as package:
            presentation = Presentation(_as_presentation(data))
            draft = Draft()
            core = core_of(part_of(package, CORE))
            draft.block(core.facts)
            first_title = ""
            for number, slide in enumerate(presentation.slides, 1):
                _unfold(slide.element)
                title = slide.shapes.title
                if title is not None and not title.has_text_frame:
                    title = None  # a picture
                named = joined_cell(title.text_frame.text) if title is not None else ""
                first_title = first_title or named
                draft.page()
                draft.heading(1, named or f"Slide {number}")
                for shape in _in_order(slide.shapes, 0):
                    if title is None or shape.shape_id != title.shape_id:
                        draft.block(_text(shape))
                if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
                    notes = slide.notes_slide.notes_text_frame.text
                    draft.block(f"Notes: {notes}" if notes.strip() else "")
            return draft.parsed(core.title or first_title)


def _as_presentation(data: bytes) -> BytesIO:
    """A show or a template as the presentation that it is too, which is all that the library opens.

    They differ in one word of the list of their parts, in which some programs forget pictures. In
    the strict variant of the format, spaces of names are called otherwise.
    """
    with zipfile.ZipFile(BytesIO(data)) as package:
        types = package.read(_TYPES)
        whole = _with_all_types(_OTHER_MAIN.sub(_MAIN, types), package.namelist())
        if whole == types and not _STRICT.search(package.read(_RELATIONS)):
            return BytesIO(data)
        copied = BytesIO()
        with zipfile.ZipFile(copied, "w") as copy:
            for member in package.infolist():
                part = package.read(member)
                if member.filename == _TYPES:
                    part = whole
                elif member.filename.endswith((".xml", ".rels")):
                    part = _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/\2", part)
                copy.writestr(member, part)
    copied.seek(0)
    return copied


def _with_all_types(types: bytes, names: Iterable[str]) -> bytes:
    """The list with every ending of a part's name in it."""
    listed = {each.lower() for each in _ENDING.findall(types)}
    endings = {name.rpartition(".")[2].lower().encode() for name in names if "." in name}
    added = b"".join(_DEFAULT % each for each in sorted(endings - listed) if each.isalnum())
    return types.replace(b"</Types>", added + b"</Types>")


def _unfold(slide: BaseOxmlElement) -> None:
    """Put what newer programs show, and formulas as text, where the library sees them.

    Shapes that older programs could not show stand in lists of ways to show the same, which it
    passes over with all their words.
    """
    for ways in list(slide.iter(_ALTERNATIVES)):
        shapes = ways.getparent()
        if len(ways) and shapes.tag.endswith(("}spTree", "}grpSp")):
            place = shapes.index(ways)
            shapes[place : place + 1] = list(ways[0])
    for formula in list(slide.iter(_FORMULA)):
        run = parse_xml(f'<a:r xmlns:a="{_MAIN_SPACE}"><a:t/></a:r>')
        run[0].text = formula_text(formula)
        formula.getparent().replace(formula, run)


def _in_order(shapes: Iterable[BaseShape], depth: int) -> Iterator[BaseShape]:
    # A shape without a place of its own has its layout's, which is mostly above.
    for shape in sorted(shapes, key=lambda each: (each.top or 0, each.left or 0)):
        if isinstance(shape, GroupShape):
            if depth < _DEEPEST_GROUP:
                yield from _in_order(shape.shapes, depth + 1)
        else:
            yield shape


def _text(shape: BaseShape) -> str:
    if isinstance(shape, GraphicFrame) and shape.has_table:
        rows = [[joined_cell(cell.text) for cell in row.cells] for row in shape.table.rows]
        return lines_of(rows)
    if isinstance(shape, GraphicFrame):
        return "\n".join(drawn_text(shape.element, partial(_related, shape)))
    if isinstance(shape, Shape):
        return "\n".join(_paragraphs(shape))
    described = shape.element.find(_NON_VISUAL)
    return "" if described is None else described.get("descr", "")


def _paragraphs(shape: Shape) -> Iterator[str]:
    filled = [each for each in shape.text_frame.paragraphs if each.text.strip()]
    is_list = shape.is_placeholder and len(filled) > 1
    for paragraph in filled:
        bullet = "  " * paragraph.level + "- " if is_list or paragraph.level else ""
        yield bullet + joined_cell(paragraph.text)


def _related(shape: GraphicFrame, identity: str) -> bytes | None:
    try:
        return shape.part.related_part(identity).blob
    except KeyError:
        return None
