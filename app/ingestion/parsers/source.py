"""Source code: as it is, a section for each definition at the top level."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.documents.model import ParsedText
from app.ingestion.decoding import decoded
from app.ingestion.parsers.parser import Heading, sections

# Lines that begin at the margin, in the languages whose definitions have a word for it.
_DEFINITION = re.compile(
    r"^(?:(?:export|default|pub(?:\([a-z]+\))?|public|private|protected|internal|static|abstract"
    r"|final|async|sealed|data|unsafe|declare|partial|open)[ \t]+){0,5}"
    r"(?:def|class|function|func|fn|fun|struct|enum|interface|trait|impl|module|namespace|type"
    r"|object|protocol|extension|defmodule|message|service|resource|mod)\b\*?[ \t]*+"
    r"(?:\([^()\n]*\)[ \t]*|<[^<>\n]*>[ \t]*)?([A-Za-z_$\"][\w$.\":-]*)",
    re.MULTILINE,
)
_BELONGS_TO_THE_NEXT = ("@", "#", "//", "/*", " *", "--", "%%", ";;")


@dataclass(frozen=True)
class SourceParser:
    """Cheap by design: words at the margin, not a grammar a language."""

    name: str = "source"
    version: str = "2"
    media_types: frozenset[str] = frozenset({"text/x-source"})

    def parse(self, data: bytes) -> ParsedText:
        text = decoded(data)
        return ParsedText(text, sections(text, _definitions(text)))


def _definitions(text: str) -> Iterator[Heading]:
    previous = 0
    for match in _DEFINITION.finditer(text):
        start = match.start()
        while start > previous:  # its decorators, and the comment above it
            line_start = text.rfind("\n", 0, start - 1) + 1
            if not text.startswith(_BELONGS_TO_THE_NEXT, line_start):
                break
            start = line_start
        start = max(start, previous)
        previous = match.end()
        yield Heading(start, 1, match.group(1).strip('":'))
