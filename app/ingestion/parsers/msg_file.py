"""Outlook's messages as far as text needs them: their properties, and the folders these lie in.

As [MS-OXMSG] has it: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxmsg.
Each message, recipient and attachment is a folder of an OLE container. A property of any length is
a stream that is named by its number and its type; all short ones share one stream. An attached
message is a folder in that of its attachment.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from olefile import OleFileIO

from app.ingestion.decoding import decoded

SUBJECT, SENDER, SENDER_ADDRESS, HEADERS = 0x0037, 0x0C1A, 0x0C1F, 0x007D
SENDER_SMTP, ON_BEHALF, SENT = 0x5D01, 0x0042, 0x0039
BODY, HTML, RTF = 0x1000, 0x1013, 0x1009
NAME, ADDRESS, SMTP_ADDRESS = 0x3001, 0x3003, 0x39FE
FILE, FILE_NAME, SHORT_FILE_NAME = 0x3701, 0x3707, 0x3704
_MESSAGE_PAGE, _BODY_PAGE = 0x3FFD, 0x3FDE
_WIDE, _NARROW, _BINARY, _FOLDER = "001F", "001E", "0102", "000D"
_SHORT_PROPERTIES = "__properties_version1.0"
_TOP, _ATTACHED, _OTHER = 32, 24, 8  # bytes ahead of the short properties
_SHORT = 16  # bytes of one
_FIRST_DAY = dt.datetime(1601, 1, 1, tzinfo=dt.UTC)
_PAGES = {
    1200: "utf-16-le",
    10000: "mac_roman",
    20127: "ascii",
    20866: "koi8-r",
    21866: "koi8-u",
    20932: "euc_jp",
    51932: "euc_jp",
    51936: "gb2312",
    51949: "euc_kr",
    52936: "hz",
    50220: "iso2022_jp",
    50221: "iso2022_jp",
    50222: "iso2022_jp",
    50225: "iso2022_kr",
    54936: "gb18030",
    65000: "utf-7",
    65001: "utf-8",
    20936: "gb2312",
    **{28590 + part: f"iso8859-{part}" for part in range(1, 16)},
}
"""Code pages that Python knows by other names than their numbers."""
_PACKED, _NOT_PACKED = b"LZFu", b"MELA"
_WINDOW = 4096
_KNOWN = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What the window holds before the first byte is unpacked."""

Path = tuple[str, ...]


@dataclass(frozen=True)
class Folder:
    """A message, a recipient or an attachment, and what lies in it."""

    container: OleFileIO[str]
    path: Path = ()
    head: int = _TOP

    def text(self, which: int) -> str:
        """A property's text; empty where there is none."""
        wide = self._stream(which, _WIDE)
        if wide:
            return wide.decode("utf-16-le", errors="replace").rstrip("\0")
        narrow = self._stream(which, _NARROW).rstrip(b"\0")
        pages = (_BODY_PAGE, _MESSAGE_PAGE) if which == BODY else (_MESSAGE_PAGE, _BODY_PAGE)
        return decoded(narrow, self._encoding(*pages)) if narrow else ""

    def html(self) -> str:
        """The body as HTML; empty where there is none."""
        page = self.binary(HTML)
        return decoded(page, self._encoding(_BODY_PAGE, _MESSAGE_PAGE)) if page else self.text(HTML)

    def binary(self, which: int) -> bytes:
        """A property's bytes; none where there is none."""
        return self._stream(which, _BINARY)

    def time(self, which: int) -> dt.datetime | None:
        """A moment, if there is one."""
        tenths = int.from_bytes(self._short.get(which, b""), "little")  # of microseconds
        try:
            return _FIRST_DAY + dt.timedelta(microseconds=tenths // 10) if tenths else None
        except OverflowError:
            return None

    def recipients(self) -> Iterator[Folder]:
        """The folders of the recipients, in their order."""
        return self._folders("__recip_version1.0_#")

    def attachments(self) -> Iterator[Folder]:
        """The folders of the attachments, in their order."""
        return self._folders("__attach_version1.0_#")

    def attached_message(self) -> Folder | None:
        """Of an attachment that is a message: that message."""
        name = f"__substg1.0_{FILE:04X}{_FOLDER}"
        path = (*self.path, name)
        found = self.container.exists([*path, _SHORT_PROPERTIES])
        return replace(self, path=path, head=_ATTACHED) if found else None

    def _folders(self, named: str) -> Iterator[Folder]:
        below = self.container.listdir(streams=False, storages=True)
        for path in sorted(map(tuple, below)):
            if path[:-1] == self.path and path[-1].startswith(named):
                yield replace(self, path=path, head=_OTHER)

    def _encoding(self, *pages: int) -> str | None:
        for page in pages:
            number = int.from_bytes(self._short.get(page, b"")[:4], "little")
            if number:
                return _PAGES.get(number, f"cp{number}")
        return None

    @cached_property
    def _short(self) -> dict[int, bytes]:
        """The short properties' values by their numbers."""
        values = self._read(_SHORT_PROPERTIES)[self.head :]
        each = struct.iter_unpack("<HH4x8s", values[: len(values) // _SHORT * _SHORT])
        return {which: value for _, which, value in each}

    def _stream(self, which: int, kind: str) -> bytes:
        return self._read(f"__substg1.0_{which:04X}{kind}")

    def _read(self, name: str) -> bytes:
        path = [*self.path, name]
        try:
            return self.container.openstream(path).read() if self.container.exists(path) else b""
        except OSError:  # damaged, as others need not be
            return b""


def unpacked_rtf(data: bytes) -> bytes:
    """The RTF in the property `RTF`, as [MS-OXRTFCP] packs it; as much as there is of it.

    Raises:
        ValueError: it is packed in no known way.
        struct.error: it is shorter than its own head.
    """
    size, _, kind = struct.unpack_from("<II4s", data)
    packed = data[16 : size + 4]
    if kind == _NOT_PACKED:
        return packed
    if kind != _PACKED:
        raise ValueError("no packed RTF")
    # All that was written; it is looked back into as if it were a ring of 4,096 bytes.
    written = bytearray(_WINDOW - len(_KNOWN)) + _KNOWN
    start = len(written)
    shift = start - len(_KNOWN)
    at = 0
    while at < len(packed):
        flags = packed[at]
        at += 1
        for bit in range(8):
            if not flags >> bit & 1:
                written += packed[at : at + 1]
                at += 1
                continue
            token = int.from_bytes(packed[at : at + 2], "big")
            at += 2
            back = (len(written) - shift - (token >> 4)) % _WINDOW
            if not back or at > len(packed):
                return bytes(written[start:])
            for _ in range((token & 15) + 2):
                written.append(written[-back])
    return bytes(written[start:])
