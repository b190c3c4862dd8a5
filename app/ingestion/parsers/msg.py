"""MSG: an e-mail that Outlook saved."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from io import BytesIO

from olefile import OleFileIO

from app.documents.model import ParsedText
from app.ingestion.decoding import cleaned
from app.ingestion.parsers import msg_file
from app.ingestion.parsers.html import parsed_html
from app.ingestion.parsers.letter import Letter, readable_header
from app.ingestion.parsers.msg_file import Folder, unpacked_rtf
from app.ingestion.parsers.parser import sections
from app.ingestion.parsers.rtf import RtfParser

_DEEPEST = 5
"""Messages attached to each other that are read."""


@dataclass(frozen=True)
class MsgParser:
    """The plain body, or else the HTML one, or the RTF one; attached messages are sections."""

    name: str = "msg"
    version: str = "3"
    media_types: frozenset[str] = frozenset({"application/vnd.ms-outlook"})

    def parse(self, data: bytes) -> ParsedText:
        with OleFileIO(BytesIO(data)) as container:
            return _letter(Folder(container), 0).parsed()


def _letter(message: Folder, depth: int) -> Letter:
    sent = message.time(msg_file.SENT)
    head = (
        ("From", _sender(message)),
        ("To", ", ".join(filter(None, map(_address, message.recipients())))),
        ("Date", sent.isoformat(" ", "seconds") if sent else ""),
    )
    attached = list(_attached(message, depth))
    return Letter(message.text(msg_file.SUBJECT), head, [_body(message)], attached)


def _body(message: Folder) -> ParsedText:
    plain = cleaned(message.text(msg_file.BODY))
    if plain.strip():
        return ParsedText(plain, sections(plain, ()))
    html = cleaned(message.html())
    if html.strip():
        return parsed_html(html)
    try:
        return RtfParser().parse(unpacked_rtf(message.binary(msg_file.RTF)))
    except (ValueError, struct.error):
        return ParsedText("", ())


def _attached(message: Folder, depth: int) -> Iterator[tuple[str, bytes | ParsedText]]:
    for each in message.attachments():
        names = (msg_file.FILE_NAME, msg_file.SHORT_FILE_NAME, msg_file.NAME)
        name = next(filter(None, map(each.text, names)), "attachment")
        inner = each.attached_message()
        if inner is not None and depth < _DEEPEST:
            letter = _letter(inner, depth + 1).parsed()
            yield letter.title or name, letter
        else:
            yield name, each.binary(msg_file.FILE)


def _sender(message: Folder) -> str:
    told = HeaderParser().parsestr(message.text(msg_file.HEADERS)).get("From")
    if told:
        return readable_header(str(told))
    name = message.text(msg_file.SENDER) or message.text(msg_file.ON_BEHALF)
    address = message.text(msg_file.SENDER_SMTP) or message.text(msg_file.SENDER_ADDRESS)
    return _named(name, address)


def _address(recipient: Folder) -> str:
    address = recipient.text(msg_file.SMTP_ADDRESS) or recipient.text(msg_file.ADDRESS)
    return _named(recipient.text(msg_file.NAME), address)


def _named(name: str, address: str) -> str:
    return f"{name} <{address}>" if name and address and name != address else address or name
