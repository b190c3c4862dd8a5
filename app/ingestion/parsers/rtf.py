"""RTF: the words of it; it has no headings that could be relied on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from striprtf.striprtf import rtf_to_text

from app.documents.model import ParsedText
from app.ingestion.decoding import cleaned, cleaned_line
from app.ingestion.parsers.parser import sections

_TITLE = re.compile(r"\{\\title ([^{}]{1,300})\}")
_PICTURE = re.compile(rb"(?:[0-9a-fA-F]{64,}+\s*+)+")
# Three things that the library would drop with all their words. A text box:
_TEXT_BOX = re.compile(r"(?:\\\*)?\\(shp|shpgrp|shpinst|shptxt)(?![a-z])")
# A footnote, which stays where it is referred to:
_FOOTNOTE = re.compile(r"\{\s*(?:\\\*)?\\footnote(?![a-z]) ?")
# What may be ignored is said ahead of a group; anywhere else, as some programs do, it says nothing.
_NOT_AHEAD = re.compile(r"(?<![{\s\\])\\\*(?=\\[a-z])")
_MANY_LINES = re.compile(r"\n\s*\n\s*\n")


@dataclass(frozen=True)
class RtfParser:
    """Letters beyond ASCII are read by the code page that the document names."""

    name: str = "striprtf"
    version: str = "1"
    media_types: frozenset[str] = frozenset({"application/rtf"})

    def parse(self, data: bytes) -> ParsedText:
        # Pictures are long rows of digits, and most of the bytes.
        marked = _PICTURE.sub(b"", data).decode("cp1252", errors="replace")
        marked = _NOT_AHEAD.sub("", _TEXT_BOX.sub(r"\\x\1", _FOOTNOTE.sub(r"{ ", marked)))
        text = cleaned(_words(marked))
        text = _MANY_LINES.sub("\n\n", text).strip("\n")
        titled = _TITLE.search(marked)
        title = cleaned_line(_words(f"{{\\rtf1 {titled.group(1)}}}")) if titled else ""
        return ParsedText(text, sections(text, ()), title or None)


def _words(marked: str) -> str:
    words: str = rtf_to_text(marked, encoding="cp1252", errors="replace")  # type: ignore[no-untyped-call]
    return words
