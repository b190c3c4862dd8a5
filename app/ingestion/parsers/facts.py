"""Who wrote a document and when, as it says itself: the first lines of its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as ET

from app.documents.model import ParsedText
from app.errors import UnreadableDocument
from app.ingestion.decoding import cleaned_line
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.xml_tree import tree

CORE = "docProps/core.xml"
"""The part of an Office package that tells of the document."""
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_NOBODY = frozenset(
    (
        *("admin", "administrator", "anonymous", "author", "default", "owner", "root", "unknown"),
        *("unspecified", "user", "microsoft office user", "windows user"),
        *("apache poi", "openpyxl", "python-docx", "steve canny"),
    )
)
"""What programs and their templates write where nobody gave a name."""
_LONGEST = 200
_DATE = re.compile(r"(?:D:)?((?:19|20)\d\d)-?([01]\d)-?([0-3]\d)")


def facts(author: str | None, date: str | datetime | None) -> str:
    """The author's line and the date's; nothing where nobody is named, for dates alone mislead.

    `date` is as W3CDTF has it (2024-05-01T12:00:00Z), or PDF (D:20240501120000Z).
    """
    name = cleaned_line(author or "").strip(";, ")[:_LONGEST]
    if not name or name.strip("()").casefold() in _NOBODY:
        return ""
    found = _DATE.match(str(date or ""))
    return f"Author: {name}" + (f"\nDate: {'-'.join(found.groups())}" if found else "")


def with_facts(told: str, parsed: ParsedText) -> ParsedText:
    """A text below what `facts` told."""
    if not told or not parsed.text.strip():
        return parsed
    draft = Draft()
    draft.block(told)
    draft.add(parsed, level=0)
    return draft.parsed(parsed.title)


@dataclass(frozen=True)
class Core:
    """What an Office package tells of its document; both are empty where it tells nothing."""

    title: str
    facts: str


def core_of(part: bytes | None) -> Core:
    """What the part `CORE` tells; nothing where it is damaged: the text does not depend on it."""
    try:
        told = ET.Element("none") if part is None else tree(part)
    except (ET.ParseError, UnreadableDocument):
        told = ET.Element("none")
    date = told.findtext(f"{_TERMS}modified") or told.findtext(f"{_TERMS}created")
    title = cleaned_line(told.findtext(f"{_DUBLIN_CORE}title") or "")
    return Core(title, facts(told.findtext(f"{_DUBLIN_CORE}creator"), date))
