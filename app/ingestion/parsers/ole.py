"""What the containers of old Office files say of themselves."""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import dataclass
from io import BytesIO

from olefile import OleFileIO

from app.ingestion.decoding import decoded
from app.ingestion.parsers.facts import facts

MOST_PROPERTIES = 100
_SUMMARY = "\x05SummaryInformation"
_FIRST_SECTION = 44  # where the stream says where its properties begin
_CODE_PAGE, _TITLE, _AUTHOR, _MADE, _SAVED = 1, 2, 4, 12, 13
_BYTES, _WIDE, _TIME = 30, 31, 64  # the types of texts and of a moment
_ENCODINGS = {1200: "utf-16-le", 10000: "mac_roman"}
"""Code pages that Python knows by other names."""
_FIRST_DAY = dt.datetime(1601, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Summary:
    """What somebody, or a program, wrote beside the document; empty where nobody did."""

    title: str = ""
    author: str = ""
    date: dt.datetime | None = None
    """When it was last saved, or else when it was made."""

    @property
    def facts(self) -> str:
        """The lines that a text begins with."""
        return facts(self.author, self.date)


def summary_of(container: OleFileIO[str]) -> Summary:
    """The summary of the document in `container`; an empty one where it is damaged.

    Read as [MS-OLEPS] has it. olefile's own way does not end where a damaged file says that it has
    billions of properties.
    """
    if not container.exists(_SUMMARY):
        return Summary()
    try:
        properties = _Properties(container.openstream(_SUMMARY).read())
    except (OSError, struct.error):
        return Summary()
    date = properties.time(_SAVED) or properties.time(_MADE)
    return Summary(properties.text(_TITLE), properties.text(_AUTHOR), date)


def summary_in(data: bytes) -> Summary:
    """As `summary_of`, of a file that others can read where olefile can't."""
    try:
        with OleFileIO(BytesIO(data)) as container:
            return summary_of(container)
    except Exception:  # noqa: BLE001 - olefile raises many kinds on a damaged container
        return Summary()


class _Properties:
    """The first set of properties in a stream, each by its number."""

    def __init__(self, stream: bytes) -> None:
        (start,) = struct.unpack_from("<I", stream, _FIRST_SECTION)
        _, count = struct.unpack_from("<II", stream, start)
        places: dict[int, int] = {}
        for number in range(min(count, MOST_PROPERTIES)):
            which, at = struct.unpack_from("<II", stream, start + 8 + 8 * number)
            places.setdefault(which, start + at)
        self._stream, self._places = stream, places
        page = int.from_bytes(self._value(_CODE_PAGE)[4:6], "little")
        self._encoding = _ENCODINGS.get(page, f"cp{page}")

    def text(self, which: int) -> str:
        value = self._value(which)
        kind, length = int.from_bytes(value[:4], "little"), int.from_bytes(value[4:8], "little")
        if kind == _WIDE or (kind == _BYTES and self._encoding == "utf-16-le"):
            size = 2 * length if kind == _WIDE else length
            return value[8 : 8 + size].decode("utf-16-le", errors="replace").split("\0")[0].strip()
        if kind != _BYTES:
            return ""
        text = value[8 : 8 + length].split(b"\0")[0]
        return decoded(text, self._encoding).strip() if text else ""

    def time(self, which: int) -> dt.datetime | None:
        value = self._value(which)
        tenths = int.from_bytes(value[4:12], "little")  # of microseconds
        if int.from_bytes(value[:4], "little") != _TIME or not tenths:
            return None
        try:
            return _FIRST_DAY + dt.timedelta(microseconds=tenths // 10)
        except OverflowError:
            return None

    def _value(self, which: int) -> bytes:
        """A property's type, and what follows it up to the stream's end."""
        return self._stream[self._places[which] :] if which in self._places else b""
