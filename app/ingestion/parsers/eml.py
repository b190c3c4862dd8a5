"""EML: e-mail as it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from posixpath import basename
from typing import TYPE_CHECKING

from app.documents.model import ParsedText
from app.ingestion.decoding import decoded
from app.ingestion.file_kinds import EMAIL
from app.ingestion.parsers.html import declared_charset, parsed_html
from app.ingestion.parsers.letter import Letter, readable_header
from app.ingestion.parsers.parser import sections

_HEAD = ("From", "To", "Cc", "Date")
_DEEPEST = 50
_UNREAD = frozenset(
    {"text/css", "text/javascript", "application/javascript", "application/x-javascript"}
)
"""What only a program reads, of a page that was saved as a message (MHT)."""

if TYPE_CHECKING:
    Part = Message[str, str]


@dataclass(frozen=True)
class EmlParser:
    """Of a body in several forms the plain one is read, unless it is empty; and pages (MHT)."""

    name: str = "eml"
    version: str = "3"
    media_types: frozenset[str] = frozenset({EMAIL})

    def parse(self, data: bytes) -> ParsedText:
        message = message_from_bytes(data.lstrip())
        attached: list[tuple[str, bytes]] = []
        body = [text for text in _bodies(message, attached, 0) if text.text.strip()]
        head = [(label, _header(message, label)) for label in _HEAD]
        return Letter(_header(message, "Subject"), head, body, attached).parsed()


def _bodies(part: Part, attached: list[tuple[str, bytes]], depth: int) -> Iterator[ParsedText]:
    kind = part.get_content_type()
    if kind in _UNREAD:
        return
    name = readable_header(part.get_filename() or "")
    if kind == "message/rfc822":
        inner = part.get_payload()
        if isinstance(inner, list) and inner and isinstance(inner[0], Message):
            attached.append((name or "message.eml", inner[0].as_bytes()))
    elif part.is_multipart():
        if depth < _DEEPEST:
            yield from _of_several(part, kind, attached, depth)
    elif name or part.get_content_disposition() == "attachment":
        attached.append((name or "attachment", _content(part)))
    elif kind == "text/html":
        page = _content(part)
        yield parsed_html(decoded(page, part.get_content_charset() or declared_charset(page)))
    elif kind.startswith("text/"):
        text = decoded(_content(part), part.get_content_charset())
        yield ParsedText(text, sections(text, ()))
    else:
        place = readable_header(part.get("Content-Location") or "")
        attached.append((basename(place) or "attachment", _content(part)))


def _of_several(
    part: Part, kind: str, attached: list[tuple[str, bytes]], depth: int
) -> Iterator[ParsedText]:
    parts = [each for each in part.get_payload() if isinstance(each, Message)]
    if kind != "multipart/alternative":
        for each in parts:
            yield from _bodies(each, attached, depth + 1)
        return
    for each in parts:  # from the plainest to the richest
        texts = [text for text in _bodies(each, attached, depth + 1) if text.text.strip()]
        if texts:
            yield from texts
            return


def _content(part: Part) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _header(message: Part, name: str) -> str:
    values = (value for key, value in message.raw_items() if key.lower() == name.lower())
    # Letters beyond ASCII, which should not be there, as the bytes that they were.
    raw = (decoded(str(value).encode("utf-8", "surrogateescape")) for value in values)
    return ", ".join(map(readable_header, raw))
