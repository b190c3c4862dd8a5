"""Who wrote a document and when, as it says itself: the first lines of its text."""

from __future__ import annotations

import re
from datetime import datetime

from app.documents.model import ParsedText
from app.ingestion.decoding import cleaned_line
from app.ingestion.parsers.draft import Draft

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
