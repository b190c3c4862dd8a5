"""XLSB: Excel's binary workbooks, in a package that is otherwise as that of XLSX."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from app.documents.model import ParsedText
from app.ingestion.file_kinds import XLSB
from app.ingestion.parsers.calamine import sheets_by_calamine
from app.ingestion.parsers.packages import opened_package
from app.ingestion.parsers.workbook import parsed_workbook

_WORKBOOK = "xl/workbook.bin"
_SHEET = 156  # the record that lists one, as [MS-XLSB] has it
_NUMBERS_BEFORE = 8  # bytes ahead of its texts


@dataclass(frozen=True)
class XlsbParser:
    """Values as they were saved, sheet by sheet, and what is drawn there."""

    name: str = "calamine"
    version: str = "3"
    media_types: frozenset[str] = frozenset({XLSB})

    def parse(self, data: bytes) -> ParsedText:
        with opened_package(data, "a binary Excel workbook (XLSB)") as package:
            listed = dict(_listed(package.read(_WORKBOOK)))
            return parsed_workbook(package, _WORKBOOK, listed, sheets_by_calamine(data))


def _listed(workbook: bytes) -> Iterator[tuple[str, str]]:
    """The sheets' names, with the ids of what they are related to; as far as it can be read."""
    at = 0
    try:
        while at < len(workbook):
            kind, at = _number(workbook, at, 2)
            size, at = _number(workbook, at, 4)
            if kind == _SHEET:
                identity, after = _text(workbook, at + _NUMBERS_BEFORE)
                yield _text(workbook, after)[0], identity
            at += size
    except (IndexError, struct.error):
        return


def _number(data: bytes, at: int, longest: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    number = 0
    for place in range(longest):
        number |= (data[at + place] & 0x7F) << 7 * place
        if data[at + place] < 0x80:  # noqa: PLR2004 - the bit that says that there are more
            return number, at + place + 1
    return number, at + longest


def _text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", data, at)
    end = at + 4 + 2 * length
    return data[at + 4 : end].decode("utf-16-le", errors="replace"), end
