"""The files that a command's arguments name, and the names they get as documents."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.documents.names import document_name
from app.errors import InvalidName, TidemarkError, UnreadableDocument

PART = 1 << 20  # bytes read at a time


@dataclass(frozen=True)
class SourceFile:
    """A file, and the name of the document made of it: never more than a clean relative name."""

    path: Path
    name: str


@dataclass
class FoundFiles:
    """What was found: files, in order; what could not be taken, by name; how much was hidden."""

    files: list[SourceFile] = field(default_factory=list)
    refused: list[tuple[str, TidemarkError]] = field(default_factory=list)
    hidden: int = 0
    _paths_by_name: dict[str, Path] = field(default_factory=dict)

    def add(self, path: Path, name: str) -> None:
        """Take a file, unless its name cannot be a document's, or is another's of this run."""
        try:
            name = document_name(name)
        except InvalidName as error:
            error.remedy = "Rename the file, and ingest it again."
            self.refused.append((name, error))
            return
        there = self._paths_by_name.setdefault(name, path)
        if there is path:
            self.files.append(SourceFile(path, name))
        elif not _same_file(there, path):
            self.refused.append((name, _taken(there, path, name)))


def find_files(paths: Sequence[Path]) -> FoundFiles:
    """The files among `paths` by their own names; those below folders by their place in the folder.

    What is hidden (its name begins with a dot) is left out below a folder, and counted; links to
    folders are not followed, because they can lead in a circle.
    """
    found = FoundFiles()
    for path in paths:
        if path.is_dir():
            _walk(path, found)
        else:
            found.add(path, path.name)
    return found


def read_parts(file: SourceFile) -> Iterator[bytes]:
    """The file's bytes, a part at a time.

    Raises:
        UnreadableDocument: it is gone, may not be read, or is no file of bytes at all.
    """
    try:
        if not stat.S_ISREG(file.path.stat().st_mode):  # to read a pipe would wait for ever
            raise UnreadableDocument(
                f"{str(file.path)!r} is not a regular file.",
                remedy="Copy what it holds into a file, and ingest that.",
            )
        with file.path.open("rb") as opened:
            while part := opened.read(PART):
                yield part
    except OSError as refused:
        raise _unreadable(file.path, refused) from refused


def _walk(folder: Path, found: FoundFiles) -> None:
    def refuse(error: OSError) -> None:
        path = Path(error.filename)
        name = path.relative_to(folder).as_posix() if path != folder else folder.name
        found.refused.append((name, _unreadable(path, error)))

    for place, folders, files in os.walk(folder, onerror=refuse):
        shown = [name for name in folders if not name.startswith(".")]
        found.hidden += len(folders) - len(shown)
        folders[:] = sorted(shown)
        for name in sorted(files):
            if name.startswith("."):
                found.hidden += 1
                continue
            path = Path(place, name)
            found.add(path, path.relative_to(folder).as_posix())


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _taken(there: Path, path: Path, name: str) -> TidemarkError:
    return UnreadableDocument(
        f"{str(path)!r} would be the document {name!r}, as {str(there)!r} already is.",
        remedy="Ingest the folder that both are in, so that their names tell them apart.",
    )


def _unreadable(path: Path, refused: OSError) -> TidemarkError:
    if isinstance(refused, FileNotFoundError):
        return UnreadableDocument(
            f"There is no file {str(path)!r}.", remedy="Check the path, and ingest it again."
        )
    if isinstance(refused, PermissionError):
        return UnreadableDocument(
            f"{str(path)!r} may not be read by this user.",
            remedy="Give yourself the right to read it, and ingest it again.",
        )
    return UnreadableDocument(
        f"{str(path)!r} cannot be read: {refused.strerror or refused}.",
        remedy="Check that it opens in its own program, and ingest it again.",
    )
