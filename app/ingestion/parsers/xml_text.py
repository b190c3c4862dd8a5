"""XML of any kind: what its elements say, by their names where they are short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from app.documents.model import ParsedText
from app.ingestion.decoding import decoded
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.parser import sections
from app.ingestion.parsers.xml_tree import EntitiesDeclared, local_name, tree, words

_LONGEST_VALUE = 200
_TITLES = frozenset({"title", "name", "heading", "head"})


@dataclass(frozen=True)
class XmlParser:
    """Feeds, records and marked-up prose; what is not well-formed is kept as it stands."""

    name: str = "xml"
    version: str = "1"
    media_types: frozenset[str] = frozenset({"text/xml"})

    def parse(self, data: bytes) -> ParsedText:
        try:
            root = tree(data.lstrip())
        except (ET.ParseError, EntitiesDeclared, ValueError, LookupError):
            text = decoded(data)
            return ParsedText(text, sections(text, ()))
        draft = Draft()
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


def _blocks(root: ET.Element) -> Iterator[str | ET.Element]:
    """A line for each short value, with its name; an element for each stretch of prose."""
    waiting = [root]
    while waiting:  # a loop, because a tree can be deeper than Python's stack
        element = waiting.pop()
        name = local_name(element)
        for attribute, value in element.attrib.items():
            if value.strip() and not attribute.startswith("{"):
                yield f"{name} {attribute}: {' '.join(value.split())}"
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
