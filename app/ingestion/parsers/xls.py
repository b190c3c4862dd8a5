"""XLS, the workbooks of Excel until 2003."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO

import xlrd

from app.documents.model import ParsedText
from app.errors import PasswordProtected, TidemarkError
from app.ingestion.parsers.calamine import sheets_by_calamine
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.ole import summary_in
from app.ingestion.parsers.spreadsheet import Row, add_sheet, cell_text


@dataclass(frozen=True)
class XlsParser:
    """Values as they were saved, sheet by sheet."""

    name: str = "xlrd"
    version: str = "4"
    media_types: frozenset[str] = frozenset({"application/vnd.ms-excel"})

    def parse(self, data: bytes) -> ParsedText:
        try:
            return _parsed(data, _sheets(data))
        except (TidemarkError, MemoryError, RecursionError):
            raise
        except Exception:  # noqa: BLE001 - xlrd raises any for a formula it does not know
            return _parsed(data, sheets_by_calamine(data))


def _parsed(data: bytes, sheets: Iterable[tuple[str, Iterable[Row]]]) -> ParsedText:
    about = summary_in(data)
    draft = Draft()
    draft.block(about.facts)
    for name, rows in sheets:
        add_sheet(draft, name, rows)
    return draft.parsed(about.title)


def _sheets(data: bytes) -> Iterator[tuple[str, Iterator[Row]]]:
    try:
        book = xlrd.open_workbook(
            file_contents=data, logfile=StringIO(), on_demand=True, ragged_rows=True
        )
    except xlrd.XLRDError as refused:
        if "encrypted" in str(refused):
            raise PasswordProtected("The workbook is protected with a password.") from refused
        raise
    for name in book.sheet_names():
        yield name, _rows(book, book.sheet_by_name(name))


def _rows(book: xlrd.Book, sheet: xlrd.sheet.Sheet) -> Iterator[Row]:
    for number in range(sheet.nrows):
        yield [cell_text(_value(book, cell)) for cell in sheet.row(number)]


def _value(book: xlrd.Book, cell: xlrd.sheet.Cell) -> object:
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return xlrd.xldate_as_datetime(cell.value, book.datemode)
        except (ValueError, OverflowError):  # a number that only looks like a date
            return cell.value
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value)
    return cell.value
