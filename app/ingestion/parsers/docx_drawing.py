"""Word's charts and SmartArt, which mammoth leaves out, as lines of text."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from app.ingestion.parsers.drawing import Related, drawn_text
from app.ingestion.parsers.xml_tree import local_name

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DRAWN = frozenset({"chart", "relIds"})
_HAS_SOME = re.compile(rb"<(?:\w+:)?(?:chart|relIds)\s")


def with_drawings_as_text(part: bytes, related: Related) -> bytes:
    """A part of a DOCX with each chart and SmartArt replaced by its words; any other as it is."""
    if not _HAS_SOME.search(part):
        return part
    root = ET.fromstring(part)  # noqa: S314 - the caller has refused entities
    for run in root.iter(_WORD + "r"):
        for place, child in reversed(list(enumerate(run))):
            if child.tag == _WORD + "drawing" and _is_drawn(child):
                text = "\n".join(filter(None, drawn_text(child, related)))
                run[place : place + 1] = _lines(text)
    packed: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return packed


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
