"""OpenDocument's paragraphs, lists and tables → blocks of a draft."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.rows import lines_of
from app.ingestion.parsers.xml_tree import local_name

_URN = "urn:oasis:names:tc:opendocument:xmlns"
TEXT = f"{{{_URN}:text:1.0}}"
DRAW = f"{{{_URN}:drawing:1.0}}"
TABLE = f"{{{_URN}:table:1.0}}"
OFFICE = f"{{{_URN}:office:1.0}}"
_UNREAD = frozenset(
    {"tracked-changes", "annotation", "sequence-decls", "forms", "table-of-content"}
)
_DEEPEST_LIST = 8


@dataclass(frozen=True)
class OdfText:
    draft: Draft

    def add(self, element: ET.Element) -> None:
        """Write what is in `element`, and its children, in order."""
        kind = local_name(element)
        if kind in _UNREAD:
            return
        if kind in {"h", "p", "list"}:
            if kind == "h":
                level = attribute(element, TEXT, "outline-level")
                self.draft.heading(int(level) if level.isdecimal() else 1, inline_text(element))
            elif kind == "p":
                self.draft.block(inline_text(element))
            else:
                self.draft.block("\n".join(_list_lines(element, 0)))
            for shape in _shapes(element):
                self.add(shape)
        elif kind == "table":
            rows = element.iter(TABLE + "table-row")
            cells = ([cell_words(cell) for cell in row] for row in rows)
            self.draft.block(lines_of([row for row in cells if any(row)]))
        elif kind in {"desc", "title"}:  # of a picture
            self.draft.block(inline_text(element))
        else:
            for inner in element:
                self.add(inner)


def _shapes(element: ET.Element) -> Iterator[ET.Element]:
    """What is drawn beside the words of a paragraph, but not in its notes: text boxes, pictures."""
    for inner in element:
        if inner.tag.startswith(DRAW):
            yield inner
        elif local_name(inner) not in {"note", "annotation"}:
            yield from _shapes(inner)


def attribute(element: ET.Element, namespace: str, name: str) -> str:
    """An attribute's value; empty where there is none."""
    return element.get(namespace + name) or ""


def inline_text(element: ET.Element) -> str:
    """A paragraph's text: its spaces and line breaks are elements; its notes stand in brackets."""
    parts = [element.text or ""]
    for inner in element:
        match "shape" if inner.tag.startswith(DRAW) else local_name(inner):
            case "s":
                count = attribute(inner, TEXT, "c")
                parts.append(" " * min(int(count), 100) if count.isdecimal() else " ")
            case "tab":
                parts.append("\t")
            case "line-break":
                parts.append("\n")
            case "note":
                body = next(inner.iter(TEXT + "note-body"), None)
                parts.append("" if body is None else f" [{inline_text(body).strip()}]")
            case "annotation" | "shape" | "bookmark" | "note-citation":
                pass
            case _:
                parts.append(inline_text(inner))
        parts.append(inner.tail or "")
    return "".join(parts)


def cell_words(cell: ET.Element) -> str:
    """A cell's text in one line, as it is shown."""
    shown = " ".join(inline_text(each) for each in cell.iter(TEXT + "p"))
    return " ".join((shown or cell.get(OFFICE + "value") or "").split())


def _list_lines(element: ET.Element, depth: int) -> list[str]:
    lines = []
    for item in element:
        for inner in item:
            if local_name(inner) == "list" and depth < _DEEPEST_LIST:
                lines += _list_lines(inner, depth + 1)
            elif text := " ".join(inline_text(inner).split()):
                lines.append("  " * depth + "- " + text)
    return lines
