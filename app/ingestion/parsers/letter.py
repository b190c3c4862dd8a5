"""What all kinds of e-mail have: a head, a body, and files that came with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.header import decode_header, make_header

from app.documents.model import ParsedText
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.members import add_member

MOST_ATTACHMENTS = 200


@dataclass(frozen=True)
class Letter:
    """`head` has (label, text); `attachments` have (file name, content)."""

    subject: str
    head: Sequence[tuple[str, str]]
    body: Sequence[ParsedText]
    attachments: Sequence[tuple[str, bytes]]

    def parsed(self) -> ParsedText:
        """The letter as a document: attachments are sections of it, or at least named."""
        draft = Draft()
        draft.heading(1, self.subject)
        lines = ((label, " ".join(text.split())) for label, text in self.head)
        draft.block("\n".join(f"{label}: {text}" for label, text in lines if text))
        for part in self.body:
            draft.add(part, level=1)
        unread = [
            name
            for name, content in self.attachments[:MOST_ATTACHMENTS]
            if add_member(draft, name, content, level=2)
        ]
        unread += [name for name, _ in self.attachments[MOST_ATTACHMENTS:]]
        draft.block(f"Attached, and not read: {', '.join(unread)}" if unread else "")
        return draft.parsed(self.subject)


def readable_header(text: str) -> str:
    """A header's text without its encoding: `=?utf-8?q?Gr=C3=B6=C3=9Fe?=`."""
    try:
        return str(make_header(decode_header(text)))
    except (LookupError, ValueError):  # an encoding nobody knows, or bytes that are not in it
        return text
