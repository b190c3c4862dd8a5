"""MBOX: a folder of e-mails in one file, as mail programs keep and export them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.documents.model import ParsedText
from app.errors import UnreadableDocument
from app.ingestion.file_kinds import MBOX
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.eml import EmlParser

MOST_MESSAGES = 20_000
# What stands before each message: who sent it, and when. In a message, such a line begins with ">".
SEPARATOR = re.compile(rb"^From [^\n]*\d\d:\d\d[^\n]*\r?\n", re.MULTILINE)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


@dataclass(frozen=True)
class MboxParser:
    """Each message a section, in their order, with what is attached to it."""

    name: str = "mbox"
    version: str = "3"
    media_types: frozenset[str] = frozenset({MBOX})

    def parse(self, data: bytes) -> ParsedText:
        draft = Draft()
        for number, message in enumerate(_messages(data), 1):
            if number > MOST_MESSAGES:
                raise UnreadableDocument(
                    f"The mailbox holds more than {MOST_MESSAGES:,} messages.",
                    remedy="Export it in parts, and upload those.",
                )
            letter = EmlParser().parse(message)
            if not letter.title and letter.text.strip():
                draft.heading(1, f"Message {number}")
            draft.add(letter, level=0)
        return draft.parsed()


def _messages(data: bytes) -> Iterator[bytes]:
    starts = [
        found
        for found in SEPARATOR.finditer(data)
        # A line of a text that looks alike follows no empty one.
        if not found.start()
        or data[max(0, found.start() - 4) : found.start()].endswith((b"\n\n", b"\n\r\n"))
    ]
    for number, found in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(data)
        yield _QUOTED.sub(rb"\1", data[found.end() : end])
