"""What all kinds of e-mail have: a head, a body, and files that came with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header

from app.documents.model import ParsedText
from app.ingestion.decoding import decoded
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.members import add_member

MOST_ATTACHMENTS = 200
_WORD = r"=\?[^?\s]+\?[bBqQ]\?[^?]*\?="
_WORDS = re.compile(rf"{_WORD}(?:\s*+{_WORD})*+")
"""Words of a header in an encoding, between which white space says nothing."""


@dataclass(frozen=True)
class Letter:
    """`head` has (label, text); `attachments` have (file name, content, or what was read of it)."""

    subject: str
    head: Sequence[tuple[str, str]]
    body: Sequence[ParsedText]
    attachments: Sequence[tuple[str, bytes | ParsedText]]

    def parsed(self) -> ParsedText:
        """The letter as a document: attachments are sections of it, or at least named."""
        draft = Draft()
        draft.heading(1, self.subject)
        lines = ((label, " ".join(text.split())) for label, text in self.head)
        draft.block("\n".join(f"{label}: {text}" for label, text in lines if text))
        for part in self.body:
            draft.add(part, level=1)
        unread: list[str] = []
        for name, content in self.attachments[:MOST_ATTACHMENTS]:
            if isinstance(content, ParsedText):
                draft.heading(2, name)
                draft.add(content, level=2)
            elif add_member(draft, name, content, level=2):
                unread.append(name)
        unread += [name for name, _ in self.attachments[MOST_ATTACHMENTS:]]
        draft.block(f"Attached, and not read: {', '.join(unread)}" if unread else "")
        return draft.parsed(self.subject or next((part.title for part in self.body), None))


def readable_header(text: str) -> str:
    """A header's text without its encoding: `=?utf-8?q?Gr=C3=B6=C3=9Fe?=`."""
    return _WORDS.sub(lambda words: _decoded_words(words[0]), text)


def _decoded_words(words: str) -> str:
    try:
        parts = decode_header(words)
    except (ValueError, HeaderParseError):  # bytes that are in no encoding
        return words
    return "".join(
        part if isinstance(part, str) else decoded(part, encoding) for part, encoding in parts
    )
