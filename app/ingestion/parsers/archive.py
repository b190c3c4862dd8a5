"""ZIP, TAR and what is packed by gzip and its kin: the files inside, each a section."""

from __future__ import annotations

import bz2
import gzip
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase, BytesIO
from zipfile import ZipFile

from app.documents.model import ParsedText
from app.errors import UnreadableDocument
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.members import add_member
from app.ingestion.parsers.packages import LARGEST_UNPACKED, opened_package

MOST_FILES = 5_000
_PACKED: dict[str, Callable[[BytesIO], BufferedIOBase]] = {
    "application/gzip": lambda file: gzip.GzipFile(fileobj=file),
    "application/x-bzip2": bz2.BZ2File,
    "application/x-xz": lzma.LZMAFile,
}
_LEFT_BY_SYSTEMS = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_PART = 1 << 20
_SPLIT = "Unpack it, and upload the files that matter."

Members = Iterator[tuple[str, bytes]]


@dataclass(frozen=True)
class ZipParser:
    """What cannot be read is named at the end."""

    name: str = "zip"
    version: str = "1"
    media_types: frozenset[str] = frozenset({"application/zip"})

    def parse(self, data: bytes) -> ParsedText:
        with opened_package(data, "a ZIP archive") as archive:
            return _parsed(_zip_members(archive))


@dataclass(frozen=True)
class TarParser:
    """Links, devices and folders in it are not looked at."""

    name: str = "tar"
    version: str = "1"
    media_types: frozenset[str] = frozenset({"application/x-tar"})

    def parse(self, data: bytes) -> ParsedText:
        return _parsed(_tar_members(data))


@dataclass(frozen=True)
class PackedParser:
    """One file packed for itself, which is often a TAR."""

    name: str = "packed"
    version: str = "1"
    media_types: frozenset[str] = frozenset(_PACKED)

    def parse(self, data: bytes) -> ParsedText:
        inner = _unpacked(data)
        if inner[257:262] == b"ustar":
            return _parsed(_tar_members(inner))
        return _parsed(iter([("content", inner)]))


def _parsed(members: Members) -> ParsedText:
    draft = Draft()
    unread: list[str] = []
    size = count = 0
    for name, content in members:
        size, count = size + len(content), count + 1
        if size > LARGEST_UNPACKED or count > MOST_FILES:
            raise UnreadableDocument(
                f"The archive holds more than {LARGEST_UNPACKED // 1_000_000} MB"
                f" or {MOST_FILES:,} files.",
                remedy=_SPLIT,
            )
        reason = add_member(draft, name, content, level=1) if content.strip() else None
        if reason:
            unread.append(f"- {name}: {reason}")
    if unread:
        if not draft.written:
            raise UnreadableDocument(
                f"The archive holds nothing that can be read: {unread[0].removeprefix('- ')}",
                remedy=_SPLIT,
            )
        draft.heading(1, "Not read")
        draft.block("\n".join(unread))
    return draft.parsed()


def _zip_members(archive: ZipFile) -> Members:
    for member in archive.infolist():
        if not member.is_dir() and _is_wanted(member.filename):
            if member.file_size > LARGEST_UNPACKED:
                raise UnreadableDocument(
                    f"The archive holds a file of {member.file_size // 1_000_000:,} MB.",
                    remedy=_SPLIT,
                )
            yield member.filename, archive.read(member)


def _tar_members(data: bytes) -> Members:
    try:
        with tarfile.open(fileobj=BytesIO(data), mode="r:") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None and _is_wanted(member.name):
                    yield member.name, file.read()
    except (tarfile.TarError, EOFError, ValueError) as fault:
        raise UnreadableDocument("The TAR archive is damaged or incomplete.") from fault


def _unpacked(data: bytes) -> bytes:
    kinds = {b"\x1f": "application/gzip", b"B": "application/x-bzip2"}
    kind = kinds.get(data[:1], "application/x-xz")
    inner = bytearray()
    try:
        with _PACKED[kind](BytesIO(data)) as file:
            # By parts: asked for much at once, Python sets as much memory aside.
            while part := file.read(_PART):
                inner += part
                if len(inner) > LARGEST_UNPACKED:
                    break
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as fault:
        raise UnreadableDocument("The archive is damaged or incomplete.") from fault
    if len(inner) > LARGEST_UNPACKED:
        raise UnreadableDocument(
            f"The archive unpacks to more than {LARGEST_UNPACKED // 1_000_000} MB.", remedy=_SPLIT
        )
    return bytes(inner)


def _is_wanted(name: str) -> bool:
    parts = posixpath.normpath(name).split("/")
    return not any(part + "/" in _LEFT_BY_SYSTEMS or part in _LEFT_BY_SYSTEMS for part in parts)
