"""XML → its tree, without what makes a small file large or reads other files."""

from __future__ import annotations

from xml.etree import ElementTree as ET
from xml.parsers import expat

from app.errors import UnreadableDocument


class EntitiesDeclared(UnreadableDocument):
    """The XML declares entities of its own, which nothing needs to read a document."""


def tree(data: bytes) -> ET.Element:
    """The root element.

    Raises:
        EntitiesDeclared: before any of them is expanded.
        ET.ParseError: `data` is no XML.
    """
    first = expat.ParserCreate()
    first.EntityDeclHandler = _refuse
    try:
        first.Parse(data)
        first.Parse(b"", True)  # noqa: FBT003 - it has no name
    except expat.ExpatError as fault:
        raise ET.ParseError(str(fault)) from fault
    return ET.fromstring(data)  # noqa: S314 - no entity is declared in it


def local_name(element: ET.Element) -> str:
    """The tag without its namespace."""
    return str(element.tag).rpartition("}")[2]


def words(element: ET.Element | None) -> str:
    """All of its text, in one line."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _refuse(*_declaration: object) -> None:
    raise EntitiesDeclared("The document declares XML entities, which Tidemark does not expand.")
