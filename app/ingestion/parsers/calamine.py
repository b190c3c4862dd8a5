"""What calamine reads of workbooks: the binary ones, and those of the strict variant."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from app.errors import PasswordProtected, UnreadableDocument
from app.ingestion.parsers.spreadsheet import Row, cell_text


def sheets_by_calamine(data: bytes) -> Iterator[tuple[str, Iterator[Row]]]:
    """The name of each sheet, and its rows from the first on.

    Raises:
        PasswordProtected, UnreadableDocument: as calamine found it.
    """
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(data))
        for name in book.sheet_names:
            # From A1 on, so that ranges have their names.
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            yield name, ([cell_text(value) for value in row] for row in rows)
    except PasswordError as refused:
        raise PasswordProtected("The workbook is protected with a password.") from refused
    except CalamineError as refused:
        raise UnreadableDocument("The Excel workbook is damaged or incomplete.") from refused
    except BaseException as panic:
        # What Rust could not go on from has no class that could be named here.
        if type(panic).__name__ != "PanicException":
            raise
        raise UnreadableDocument("The Excel workbook is damaged or incomplete.") from panic
