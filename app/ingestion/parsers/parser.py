"""What a parser is, and what comes out of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from app.documents.model import ParsedText, Section


class Parser(Protocol):
    """Turns the bytes of one kind of document into text with a section map.

    A new format is one class like this, named in `registry.PARSERS`.
    """

    @property
    def name(self) -> str:
        """What revisions record as their parser."""
        ...

    @property
    def version(self) -> str:
        """Changed whenever the same bytes may give another text."""
        ...

    @property
    def media_types(self) -> frozenset[str]:
        """The media types, as `media_type.detected` names them, that this parser reads."""
        ...

    def parse(self, data: bytes) -> ParsedText:
        """The text in `data`: a pure function of the bytes, safe to run in any thread or process.

        Raises:
            UnreadableDocument: or one of its kinds, with a sentence about this document.
        """
        ...


@dataclass(frozen=True)
class Parsed:
    """A document's text, and what read it: the facts a revision keeps."""

    media_type: str
    parser: str
    version: str
    text: ParsedText


@dataclass(frozen=True)
class Heading:
    """A heading that begins at character `start` of a text; `level` 1 is the highest."""

    start: int
    level: int
    title: str


def sections(text: str, headings: Iterable[Heading]) -> tuple[Section, ...]:
    """The sections that `headings`, in order of `start`, divide `text` into: no gap, no overlap.

    What stands before the first heading is a section with an empty path, unless it is only space.
    """
    made: list[Section] = []
    open_headings: list[Heading] = []
    start, path = 0, tuple[str, ...]()
    for heading in headings:
        if text[start : heading.start].strip():
            made.append(Section(start, heading.start, path))
            start = heading.start
        while open_headings and open_headings[-1].level >= heading.level:
            open_headings.pop()
        open_headings.append(heading)
        path = tuple(each.title for each in open_headings if each.title)
    if start < len(text):
        made.append(Section(start, len(text), path))
    return tuple(made)
