"""What the containers of old Office files say of themselves."""

from __future__ import annotations

import struct

from olefile import OleFileIO

from app.ingestion.decoding import decoded

_SUMMARY = "\x05SummaryInformation"
_FIRST_SECTION = 44  # where the stream says where its properties begin
_CODE_PAGE, _TITLE = 1, 2
_BYTES = 30  # the type of a text
MOST_PROPERTIES = 100


def title_of(container: OleFileIO[str]) -> str:
    """The title that somebody gave the document, if anybody did.

    Read as [MS-OLEPS] has it. olefile's own way does not end where a damaged file says that it has
    billions of properties.
    """
    if not container.exists(_SUMMARY):
        return ""
    stream = container.openstream(_SUMMARY).read()
    try:
        (start,) = struct.unpack_from("<I", stream, _FIRST_SECTION)
        _, count = struct.unpack_from("<II", stream, start)
        places: dict[int, int] = {}
        for number in range(min(count, MOST_PROPERTIES)):
            which, at = struct.unpack_from("<II", stream, start + 8 + 8 * number)
            places.setdefault(which, start + at)
        code_page = 0
        if _CODE_PAGE in places:
            (code_page,) = struct.unpack_from("<H", stream, places[_CODE_PAGE] + 4)
        kind, length = struct.unpack_from("<II", stream, places[_TITLE])
    except (struct.error, KeyError):
        return ""
    if kind != _BYTES:
        return ""
    text = stream[places[_TITLE] + 8 :][:length].split(b"\0")[0]
    return decoded(text, f"cp{code_page}").strip() if text else ""
