"""What is said between Tidemark and a parsing process: a head in JSON, then bytes.

JSON rather than pickle: what a hostile document made of the process must not be run by its parent.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

from app import errors
from app.documents.model import ParsedText, Section
from app.errors import UnreadableDocument
from app.ingestion.parsers.ocr import RecognitionNeeded
from app.ingestion.parsers.parser import Parsed
from app.ingestion.parsers.picture import Picture

LENGTHS = struct.Struct(">QQ")
"""Of the head and of the bytes after it: every message begins with them."""
LARGEST_HEAD = 20_000_000
"""Bytes of JSON: hundreds of thousands of sections."""

Head = Mapping[str, Any]


class OutOfMemory(Exception):
    """The process that parsed had no memory left."""


def packed(head: Head, body: bytes = b"") -> tuple[bytes, bytes]:
    """A message, in two parts so that a large `body` need not be copied."""
    encoded = json.dumps(head).encode()
    return LENGTHS.pack(len(encoded), len(body)) + encoded, body


def reply_of(parsed: Parsed) -> tuple[bytes, bytes]:
    text = parsed.text
    head = {
        "media_type": parsed.media_type,
        "parser": parsed.parser,
        "version": parsed.version,
        "title": text.title,
        "sections": [(each.start, each.end, each.path, each.page) for each in text.sections],
    }
    return packed(head, text.text.encode("utf-8"))


def drawn_reply(picture: Picture) -> tuple[bytes, bytes]:
    return packed({"boxes": picture.boxes}, picture.png)


def refusal_of(refused: UnreadableDocument) -> tuple[bytes, bytes]:
    return packed(
        {
            "refused": type(refused).__name__,
            "message": refused.message,
            "remedy": refused.remedy,
        }
    )


def check(head: Head) -> None:
    """Raise what a reply tells instead of bringing anything.

    Raises:
        UnreadableDocument: or the kind of it that the parser raised.
        OutOfMemory: the process had none left.
        RecognitionNeeded: it was not to read pictures, and there are some.
    """
    if "refused" in head:
        kind = getattr(errors, str(head["refused"]), None)
        if not (isinstance(kind, type) and issubclass(kind, UnreadableDocument)):
            kind = UnreadableDocument
        raise kind(head["message"], remedy=head["remedy"])
    if head.get("out_of_memory"):
        raise OutOfMemory
    if head.get("recognition_needed"):
        raise RecognitionNeeded


def picture_from(head: Head, body: bytes) -> Picture:
    """The page that a reply brings."""
    return Picture(body, int(head["boxes"]))


def parsed_from(head: Head, body: bytes) -> Parsed:
    """The text that a reply brings."""
    sections = tuple(
        Section(start, end, tuple(path), page) for start, end, path, page in head["sections"]
    )
    text = ParsedText(body.decode("utf-8"), sections, head["title"])
    return Parsed(head["media_type"], head["parser"], head["version"], text)
