"""Making a knowledge base equal to a folder: what would be done, and doing it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.files import FoundFiles, SourceFile, find_files, read_parts
from app.documents.model import KnowledgeBase
from app.errors import DocumentNotFound, InvalidRequest, UnreadableDocument
from app.services import Services

LOOK_PAUSE = 1.0  # seconds between looks at a folder that is watched

Stamp = tuple[int, int]
"""When a file was changed last (nanoseconds), and its bytes."""


@dataclass(frozen=True)
class Plan:
    """What makes the knowledge base equal to the folder; `deleted` has ids by name."""

    added: tuple[SourceFile, ...]
    changed: tuple[SourceFile, ...]
    unchanged: int
    deleted: dict[str, int]
    kept: tuple[str, ...]
    """Documents that no file was found for, but that may have one in what could not be read."""
    found: FoundFiles

    @property
    def uploads(self) -> FoundFiles:
        """The files that are to be ingested, with those that could not be read."""
        files = sorted([*self.added, *self.changed], key=lambda file: file.name)
        return FoundFiles(files, self.found.refused, self.found.hidden)


@dataclass
class FolderSync:
    """Compares by content: a file that was only touched is nothing to do."""

    services: Services
    base: KnowledgeBase
    folder: Path
    _digests: dict[Path, tuple[Stamp, str]] = field(default_factory=dict)
    _seen: dict[Path, Stamp] = field(default_factory=dict)

    def plan(self) -> Plan:
        """Compare the folder with the knowledge base; nothing is changed.

        Raises:
            InvalidRequest: the folder is gone or empty while the knowledge base is not: that looks
                like a disk that is not there, and would delete everything.
        """
        if not self.folder.is_dir():
            raise InvalidRequest(
                f"There is no folder {str(self.folder)!r}.",
                remedy="Check that its disk is there; nothing was deleted.",
            )
        self._seen = self._stamps()  # before it is read: what changes from now on is a change
        found = find_files([self.folder])
        present = self.services.documents.newest_hashes(self.base.id)
        if present and not found.files:
            raise InvalidRequest(
                f"{str(self.folder)!r} has no file in it, and {self.base.name} has "
                f"{len(present):,} documents: to make them equal would delete all of them.",
                remedy="Check that the folder is the right one and its disk is there. To empty a "
                "knowledge base, delete it.",
            )
        added, changed, unchanged = [], [], 0
        for file in found.files:
            held = present.get(file.name)
            if held is None:
                added.append(file)
            elif self._digest(file) == held[1]:
                unchanged += 1
            else:
                changed.append(file)
        refused = [name for name, _ in found.refused]
        missing = {name: held[0] for name, held in present.items()}
        for file in found.files:
            missing.pop(file.name, None)
        kept = tuple(
            name
            for name in missing
            if any(name == each or name.startswith(f"{each}/") for each in refused)
            or self.folder.name in refused
        )
        deleted = {name: held for name, held in missing.items() if name not in kept}
        return Plan(tuple(added), tuple(changed), unchanged, deleted, kept, found)

    def delete(self, plan: Plan) -> Iterator[str]:
        """Delete what the folder has no more; gives each name as it goes."""
        for name, document_id in plan.deleted.items():
            try:
                self.services.deletion.delete(document_id)
            except DocumentNotFound:
                continue  # somebody else did it
            yield name

    def wait_for_a_change(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Return once files differ from what was planned for, and have stayed so for a moment."""
        last: dict[Path, Stamp] | None = None
        while not stopped():
            time.sleep(LOOK_PAUSE)
            now = self._stamps()
            if now == last and now != self._seen:
                return
            last = now

    def _stamps(self) -> dict[Path, Stamp]:
        found = find_files([self.folder]) if self.folder.is_dir() else FoundFiles()
        stamps = {}
        for file in found.files:
            try:
                stamps[file.path] = _stamp(file.path)
            except OSError:
                continue  # gone between the walk and now
        return stamps

    def _digest(self, file: SourceFile) -> str:
        """SHA-256 of the file; empty where it cannot be read, which its upload will tell."""
        try:
            stamp = _stamp(file.path)
            known = self._digests.get(file.path)
            if known is not None and known[0] == stamp:
                return known[1]
            digest = hashlib.sha256()
            for part in read_parts(file):
                digest.update(part)
        except (OSError, UnreadableDocument):
            return ""
        self._digests[file.path] = (stamp, digest.hexdigest())
        return digest.hexdigest()


def _stamp(path: Path) -> Stamp:
    told = path.stat()
    return told.st_mtime_ns, told.st_size
