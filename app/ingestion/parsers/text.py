"""Plain text, which stays as it stands."""

from __future__ import annotations

from dataclasses import dataclass

from app.documents.model import ParsedText
from app.ingestion.decoding import decoded
from app.ingestion.parsers.parser import sections


@dataclass(frozen=True)
class TextParser:
    """The text as it is, in one section."""

    name: str = "text"
    version: str = "2"
    media_types: frozenset[str] = frozenset({"text/plain"})

    def parse(self, data: bytes) -> ParsedText:
        text = decoded(data)
        return ParsedText(text, sections(text, ()))
