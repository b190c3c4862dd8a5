"""XLSB, the binary workbooks of Excel, and what else only calamine reads."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from app.documents.model import ParsedText
from app.errors import PasswordProtected, UnreadableDocument
from app.ingestion.file_kinds import XLSB
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.spreadsheet import add_sheet, cell_text


@dataclass(frozen=True)
class XlsbParser:
    """Values as they were saved, sheet by sheet."""

    name: str = "calamine"
    version: str = "1"
    media_types: frozenset[str] = frozenset({XLSB})

    def parse(self, data: bytes) -> ParsedText:
        return read_by_calamine(data)


def read_by_calamine(data: bytes) -> ParsedText:
    """The sheets of a workbook.

    Raises:
        PasswordProtected, UnreadableDocument: as calamine found it.
    """
    draft = Draft()
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(data))
        for name in book.sheet_names:
            # From A1 on, so that ranges have their names.
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            add_sheet(draft, name, ([cell_text(value) for value in row] for row in rows))
    except PasswordError as refused:
        raise PasswordProtected("The workbook is protected with a password.") from refused
    except CalamineError as refused:
        raise UnreadableDocument("The Excel workbook is damaged or incomplete.") from refused
    except BaseException as panic:
        # What Rust could not go on from has no class that could be named here.
        if type(panic).__name__ != "PanicException":
            raise
        raise UnreadableDocument("The Excel workbook is damaged or incomplete.") from panic
    return draft.parsed()
