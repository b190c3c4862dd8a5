"""What mammoth leaves out of what is drawn: charts and SmartArt, as lines of text; text boxes."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from app.ingestion.parsers.drawing import Related, drawn_text
from app.ingestion.parsers.xml_tree import local_name

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BOXED = _WORD + "txbxContent"
_DRAWN = frozenset({"chart", "relIds", "lockedCanvas"})
_HAS_SOME = re.compile(rb"<(?:\w+:)?(?:chart|relIds|lockedCanvas|wsp)[\s>]")
_SHAPES = "{urn:schemas-microsoft-com:vml}"


def with_drawings_as_text(part: bytes, related: Related) -> bytes:
    """A part of a DOCX with each chart and SmartArt replaced by its words; any other as it is.

    Text boxes that are told in the newer way alone are told in the older one, which is read.
    """
    if not _HAS_SOME.search(part):
        return part
    root = ET.fromstring(part)  # noqa: S314 - the caller has refused entities
    for run in root.iter(_WORD + "r"):
        for place, child in reversed(list(enumerate(run))):
            boxes = _boxes(child)
            if boxes:
                run[place] = _in_the_older_way(boxes)
            elif child.tag == _WORD + "drawing" and _is_drawn(child):
                text = "\n".join(filter(None, drawn_text(child, related)))
                run[place : place + 1] = _lines(text)
    packed: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return packed


def _boxes(child: ET.Element) -> list[ET.Element]:
    """The contents of the text boxes that are told in no older way."""
    kind = local_name(child)
    if kind not in {"drawing", "AlternateContent"}:
        return []
    older = (each for each in child if local_name(each) == "Fallback")
    if kind == "AlternateContent" and any(each.find(f".//{_BOXED}") is not None for each in older):
        return []
    return list(child.iter(_BOXED))


def _in_the_older_way(boxes: list[ET.Element]) -> ET.Element:
    picture = ET.Element(_WORD + "pict")
    for box in boxes:
        shape = ET.SubElement(picture, _SHAPES + "shape")
        ET.SubElement(shape, _SHAPES + "textbox").append(box)
    return picture


def _is_drawn(drawing: ET.Element) -> bool:
    return any(local_name(each) in _DRAWN for each in drawing.iter())


def _lines(text: str) -> list[ET.Element]:
    elements: list[ET.Element] = []
    for line in text.splitlines():
        if elements:
            elements.append(ET.Element(_WORD + "br"))
        said = ET.Element(_WORD + "t")
        said.text = line
        elements.append(said)
    return elements
