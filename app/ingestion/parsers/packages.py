"""ZIP packages, which most formats of offices and books are: opened within bounds."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from app.errors import PasswordProtected, UnreadableDocument
from app.ingestion.media_type import DAMAGED_ZIP

LARGEST_UNPACKED = 200_000_000
"""Bytes of XML in all that a package may unpack to."""
MOST_MEMBERS = 50_000


@contextmanager
def opened_package(data: bytes, what: str) -> Iterator[zipfile.ZipFile]:
    """The package; `what` is what a person calls it, with its article: "an EPUB book".

    Raises:
        PasswordProtected, UnreadableDocument: also for what is read of it inside the context.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            _check_size(package, what)
            yield package
    except RecursionError:
        raise  # a runtime error too, and no fault of the package
    except (*DAMAGED_ZIP, KeyError) as fault:
        if isinstance(fault, RuntimeError) and "password" in str(fault):
            raise PasswordProtected(f"The file is {what} under a password.") from fault
        raise UnreadableDocument(f"The file is {what} that is damaged or incomplete.") from fault


def part_of(package: zipfile.ZipFile, name: str) -> bytes | None:
    """The part that has this name, if there is one."""
    return package.read(name) if name in package.NameToInfo else None


def _check_size(package: zipfile.ZipFile, what: str) -> None:
    members = package.infolist()
    # zipfile gives no more bytes of a member than the size it declares.
    size = sum(each.file_size for each in members if _is_marked_up(each.filename))
    if size > LARGEST_UNPACKED or len(members) > MOST_MEMBERS:
        raise UnreadableDocument(
            f"The file is {what} that unpacks to {size // 1_000_000:,} MB in {len(members):,}"
            f" files; Tidemark reads up to {LARGEST_UNPACKED // 1_000_000} MB.",
            remedy="Split the document, and upload its parts.",
        )


def _is_marked_up(name: str) -> bool:
    return name.lower().endswith((".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx"))
