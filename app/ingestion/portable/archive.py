"""The archive's members: writing them one after the other, and reading them with every hash."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from app.errors import DamagedArchive

FORMAT = 1
FIRST, QUESTIONS, LAST = "tidemark.json", "questions.json", "end.json"
DESCRIPTION = "document.json"
PIECE = 1024 * 1024  # bytes read at once
LONGEST_DESCRIPTION = 16_000_000  # bytes of a member in JSON
LONGEST_PART = 1_000_000_000  # bytes of a text, its sections or its vectors

JsonObject = dict[str, Any]


def folder_of(number: int) -> str:
    """Where the document of that number, from 0, lies in the archive."""
    return f"documents/{number:08d}"


def sized(data: bytes) -> JsonObject:
    """What a document's description says of one of its files."""
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@dataclass
class Seal:
    """The SHA-256 of all JSON that was written or read, which the last member has."""

    _seen: Any = field(default_factory=hashlib.sha256)

    def add(self, data: bytes) -> None:
        self._seen.update(data)

    @property
    def sha256(self) -> str:
        return str(self._seen.hexdigest())


@dataclass(frozen=True)
class ArchiveWriter:
    """Adds members to an archive; what is described is sealed."""

    archive: tarfile.TarFile
    seal: Seal

    def add_json(self, name: str, said: object) -> None:
        data = json.dumps(said, ensure_ascii=False, indent=1).encode()
        if name != LAST:
            self.seal.add(data)
        self.add(name, data)

    def add(self, name: str, data: bytes) -> None:
        self.add_stream(name, len(data), io.BytesIO(data))

    def add_stream(self, name: str, size: int, content: IO[bytes]) -> None:
        member = tarfile.TarInfo(name)
        member.size = size
        self.archive.addfile(member, content)


@contextmanager
def appended(file: IO[bytes], seal: Seal) -> Iterator[ArchiveWriter]:
    """Write members to `file`, from where it stands to its end."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        yield ArchiveWriter(archive, seal)
    file.flush()
    os.fsync(file.fileno())


class Parts(io.RawIOBase):
    """A stream of bytes out of parts of them."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - as its base has it
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = part
        given = self._rest[: len(buffer)]
        buffer[: len(given)] = given
        self._rest = self._rest[len(given) :]
        return len(given)

    @classmethod
    def stream(cls, parts: Iterator[bytes]) -> IO[bytes]:
        """The parts as a file whose `read(n)` gives `n` bytes as long as there are so many."""
        return cast("IO[bytes]", io.BufferedReader(cls(parts), PIECE))


@dataclass
class ArchiveReader:
    """Gives an archive's members in their order, once each.

    Raises, from every method, `DamagedArchive` where something else is there.
    """

    members: Iterator[tarfile.TarInfo]
    archive: tarfile.TarFile
    seal: Seal = field(default_factory=Seal)
    _ahead: tarfile.TarInfo | None = None

    def next_name(self) -> str | None:
        """What comes next; None at the end of the file."""
        if self._ahead is None:
            self._ahead = next(self.members, None)
        return None if self._ahead is None else self._ahead.name

    def stream(self, name: str) -> tuple[IO[bytes], int]:
        """The next member, which has to be that one, and its size."""
        found, member = self.next_name(), self._ahead
        self._ahead = None
        file = self.archive.extractfile(member) if member is not None and member.isfile() else None
        if member is None or file is None or found != name:
            there = "ends" if found is None else f"has {found[:80]!r}"
            raise DamagedArchive(f"The archive {there} where {name!r} should be.")
        return file, member.size

    def json(self, name: str) -> JsonObject:
        """The next member, a JSON object."""
        file, size = self.stream(name)
        if size > LONGEST_DESCRIPTION:
            raise DamagedArchive(f"{name!r} in the archive is too long.")
        data = _whole(file, size, name)
        if name != LAST:
            self.seal.add(data)
        try:
            said = json.loads(data)
        except ValueError as wrong:
            raise DamagedArchive(f"{name!r} in the archive is no JSON: {wrong}.") from wrong
        if not isinstance(said, dict):
            raise DamagedArchive(f"{name!r} in the archive is no JSON object.")
        return said

    def part(self, name: str, said: JsonObject) -> bytes:
        """The next member, whose size and SHA-256 are those of `said`."""
        if not 0 <= said["size"] <= LONGEST_PART:
            raise DamagedArchive(f"{name!r} in the archive is too long.")
        return b"".join(self.checked(name, said))

    def checked(self, name: str, said: JsonObject) -> Iterator[bytes]:
        """The next member's bytes, and at their end whether they are the ones that were written."""
        file, size = self.stream(name)
        seen = hashlib.sha256()
        while data := file.read(PIECE):
            seen.update(data)
            yield data
        if size != said["size"] or seen.hexdigest() != said["sha256"]:
            raise DamagedArchive(f"The archive's bytes of {name!r} are not those that it had.")


@contextmanager
def opened(path: Path) -> Iterator[ArchiveReader]:
    """Read an archive from its beginning to its end, without going back.

    Raises:
        DamagedArchive: it is none, cannot be read, or lacks what it must have.
    """
    try:
        with tarfile.open(path, "r|*") as archive:
            yield ArchiveReader(iter(archive), archive)
    except (tarfile.TarError, EOFError, OSError) as broken:
        raise DamagedArchive(f"{path} cannot be read: {broken}.") from broken
    except (KeyError, TypeError, ValueError) as wrong:
        raise DamagedArchive(f"{path} lacks what Tidemark writes: {wrong!r}.") from wrong


def head_of(reader: ArchiveReader) -> JsonObject:
    """The first member of an archive that this Tidemark can read."""
    head = reader.json(FIRST)
    if head.get("format") != FORMAT:
        raise DamagedArchive(
            f"The archive has the format {head.get('format')!r}, which this Tidemark does not "
            "know.",
            remedy="Use the version of Tidemark that wrote it, or a newer one.",
        )
    return head


def _whole(file: IO[bytes], size: int, name: str) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise DamagedArchive(f"The archive ends within {name!r}.")
    return data
