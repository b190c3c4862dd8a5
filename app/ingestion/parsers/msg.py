"""MSG: an e-mail that Outlook saved."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from io import BytesIO

from oxmsg import Message
from oxmsg.recipient import Recipient

from app.documents.model import ParsedText
from app.ingestion.decoding import cleaned
from app.ingestion.parsers.html import parsed_html
from app.ingestion.parsers.letter import Letter, readable_header
from app.ingestion.parsers.parser import sections

_CODE_PAGE = re.compile(r"windows[-_](\d{3,5})")


def _code_page(name: str) -> codecs.CodecInfo | None:
    """What oxmsg calls windows-950 and the like, Python knows as cp950."""
    numbered = _CODE_PAGE.fullmatch(name)
    try:
        return codecs.lookup(f"cp{numbered[1]}") if numbered else None
    except LookupError:
        return None


codecs.register(_code_page)


@dataclass(frozen=True)
class MsgParser:
    """The plain body, or the HTML one where there is no other."""

    name: str = "oxmsg"
    version: str = "1"
    media_types: frozenset[str] = frozenset({"application/vnd.ms-outlook"})

    def parse(self, data: bytes) -> ParsedText:
        message = Message.load(BytesIO(data))
        sent = message.sent_date
        head = (
            ("From", readable_header(message.sender or "")),
            ("To", ", ".join(filter(None, map(_address, message.recipients)))),
            ("Date", sent.isoformat(" ", "seconds") if sent else ""),
        )
        plain = cleaned(message.body or "")
        body = ParsedText(plain, sections(plain, ()))
        if not plain.strip() and message.html_body:
            body = parsed_html(cleaned(message.html_body))
        attached = [(a.file_name or "attachment", a.file_bytes or b"") for a in message.attachments]
        return Letter(message.subject or "", head, [body], attached).parsed()


def _address(recipient: Recipient) -> str:
    name, address = recipient.name, recipient.email_address
    return f"{name} <{address}>" if name and address and name != address else address or name
