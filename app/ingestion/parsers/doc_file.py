"""The binary Word format as far as text needs it: pieces, and what each paragraph is.

As [MS-DOC] has it: https://learn.microsoft.com/openspecs/office_file_formats/ms-doc. The text lies
in pieces, which the piece table puts in order; properties of paragraphs lie in pages of 512 bytes,
by the place of the text in the file.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from olefile import OleFileIO

from app.errors import PasswordProtected, UnreadableDocument

WORD_97 = 0x00C1
"""The first version with the tables that are read here."""
MOST_PIECES = 1_000_000
_ENCRYPTED, _SECOND_TABLE = 0x0100, 0x0200
_FLAGS, _TEXT_LENGTH, _HEADERS_LENGTH = 0x0A, 0x4C, 0x54
_CLX, _PARAGRAPHS = 0x01A2, 0x0102  # where the main block names both tables
_PAGE = 512
_IN_TABLE, _ENDS_ROW = 0x2416, 0x2417  # properties of a paragraph, one byte each
_COMPRESSED = 1 << 30
# By the upper three bits of a property's code, how many bytes its value takes; 6 says it itself.
_SIZES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}


@dataclass(frozen=True)
class Paragraph:
    """A paragraph's text with its mark, its style's number, and whether it ends a table's row."""

    text: str
    style: int = 0
    in_table: bool = False
    ends_row: bool = False


@dataclass(frozen=True)
class _Piece:
    """Characters `start` to `end` of the text, from byte `at` of the file on."""

    start: int
    end: int
    at: int
    compressed: bool

    @property
    def width(self) -> int:
        return 1 if self.compressed else 2


@dataclass(frozen=True)
class _Properties:
    """Of the paragraphs whose text begins at each of `starts` in the file, in order."""

    starts: list[int]
    of: list[tuple[int, bool, bool]]

    def at(self, place: int) -> tuple[int, bool, bool]:
        found = bisect_right(self.starts, place) - 1
        return self.of[found] if found >= 0 else (0, False, False)


def paragraphs_of(container: OleFileIO[str]) -> Iterator[Paragraph]:
    """The paragraphs of the document, and after them of its notes and its text boxes.

    Raises:
        PasswordProtected, UnreadableDocument: it is encrypted, or from before Word 97.
        struct.error, ValueError, OSError: it is damaged.
    """
    main = container.openstream("WordDocument").read()
    _, version = struct.unpack_from("<HH", main)
    (flags,) = struct.unpack_from("<H", main, _FLAGS)
    if flags & _ENCRYPTED:
        raise PasswordProtected("The file is a Word document under a password.")
    if version < WORD_97:
        raise UnreadableDocument(
            "The file is a Word document from before 1997.",
            remedy="Open it in a word processor, save it as DOCX, and upload that.",
        )
    table = container.openstream("1Table" if flags & _SECOND_TABLE else "0Table").read()
    pieces = list(_pieces(_named(main, table, _CLX)))
    properties = _properties(main, _named(main, table, _PARAGRAPHS))
    text, footnotes = struct.unpack_from("<ii", main, _TEXT_LENGTH)
    headers, macros, comments, endnotes, boxes = struct.unpack_from("<iiiii", main, _HEADERS_LENGTH)
    yield from _within(main, pieces, properties, 0, text)
    yield from _within(main, pieces, properties, text, text + footnotes)
    start = text + footnotes + headers + macros + comments
    yield from _within(main, pieces, properties, start, start + endnotes + boxes)


def _named(main: bytes, table: bytes, place: int) -> bytes:
    """The part of the table stream whose place and length stand at `place`."""
    at, length = struct.unpack_from("<II", main, place)
    return table[at : at + length]


def _pieces(clx: bytes) -> Iterator[_Piece]:
    at = 0
    while clx[at : at + 1] == b"\x01":  # properties that pieces refer to
        at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
    if clx[at : at + 1] != b"\x02":
        raise ValueError("no piece table")
    (length,) = struct.unpack_from("<I", clx, at + 1)
    table = clx[at + 5 : at + 5 + length]
    count = min((len(table) - 4) // 12, MOST_PIECES)
    bounds = struct.unpack_from(f"<{count + 1}i", table)
    for number in range(count):
        (place,) = struct.unpack_from("<I", table, 4 * (count + 1) + 8 * number + 2)
        compressed = bool(place & _COMPRESSED)
        place &= _COMPRESSED - 1
        at_byte = place // 2 if compressed else place
        yield _Piece(bounds[number], bounds[number + 1], at_byte, compressed)


def _properties(main: bytes, table: bytes) -> _Properties:
    count = max(0, (len(table) - 4) // 8)
    found: list[tuple[int, tuple[int, bool, bool]]] = []
    for (number,) in struct.iter_unpack("<I", table[4 * (count + 1) : 4 * (count + 1) + 4 * count]):
        page = main[(number & 0x3FFFFF) * _PAGE :][:_PAGE]
        if len(page) == _PAGE:
            found.extend(_of_page(page))
    found.sort(key=lambda each: each[0])
    return _Properties([start for start, _ in found], [what for _, what in found])


def _of_page(page: bytes) -> Iterator[tuple[int, tuple[int, bool, bool]]]:
    count = page[-1]
    if 4 * (count + 1) + 13 * count > _PAGE - 1:
        return
    starts = struct.unpack_from(f"<{count + 1}I", page)
    for number in range(count):
        at = 2 * page[4 * (count + 1) + 13 * number]
        if not at:
            yield starts[number], (0, False, False)
            continue
        length = 2 * page[at] - 1 if page[at] else 2 * page[at + 1]
        at += 1 if page[at] else 2
        properties = page[at : at + length]
        style = int.from_bytes(properties[:2], "little")
        codes = dict(_codes(properties[2:]))
        yield starts[number], (style, bool(codes.get(_IN_TABLE)), bool(codes.get(_ENDS_ROW)))


def _codes(properties: bytes) -> Iterator[tuple[int, int]]:
    """Each property's code with the first byte of its value."""
    at = 0
    while at + 3 <= len(properties):
        code = int.from_bytes(properties[at : at + 2], "little")
        yield code, properties[at + 2]
        size = _SIZES.get(code >> 13, 0) or properties[at + 2] + 1
        at += 2 + size


def _within(
    main: bytes, pieces: list[_Piece], properties: _Properties, start: int, end: int
) -> Iterator[Paragraph]:
    pending = ""
    for piece in pieces:
        first, last = max(piece.start, start), min(piece.end, end)
        if first >= last:
            continue
        at = piece.at + (first - piece.start) * piece.width
        data = main[at : at + (last - first) * piece.width]
        text = data.decode("cp1252" if piece.compressed else "utf-16-le", errors="replace")
        begun = 0
        for place, character in enumerate(text):
            if character in "\r\x07\x0c":
                style, in_table, ends_row = properties.at(at + place * piece.width)
                yield Paragraph(pending + text[begun : place + 1], style, in_table, ends_row)
                pending, begun = "", place + 1
        pending += text[begun:]
    if pending:
        yield Paragraph(pending)
