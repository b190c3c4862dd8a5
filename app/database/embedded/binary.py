"""A `tidb-server` that is on this machine already: on PATH, or in the cache and whole."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TIDB_VERSION = "v8.5.4"  # what tidb/go.mod pins
OLDEST = (8, 5, 0)  # the first long-lived release with vectors
NAME = "tidb-server"


@dataclass(frozen=True)
class Binary:
    path: Path
    version: str
    """As it calls itself: `v8.5.4`."""


def version_number(version: str) -> tuple[int, ...]:
    """`v8.5.4-pre` → (8, 5, 4), to be compared."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return tuple(int(part) for part in found.groups()) if found else (0, 0, 0)


def told_version(path: Path) -> str | None:
    """What the program at `path` answers to `-V`; None if it does not run."""
    try:
        done = subprocess.run(
            [str(path), "-V"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"^Release Version:\s*(\S+)", done.stdout, re.MULTILINE)
    return found[1] if found and done.returncode == 0 else None


def binary_on_path(announce: Callable[[str], None]) -> Binary | None:
    """The user's own `tidb-server`, unless it is too old."""
    found = shutil.which(NAME)
    if found is None:
        return None
    version = told_version(Path(found))
    if version is None:
        announce(f"{found} does not run, so it is not used.")
        return None
    if version_number(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        announce(f"{found} is {version}, older than the {oldest} that Tidemark needs: not used.")
        return None
    return Binary(Path(found), version)


@dataclass(frozen=True)
class BinaryCache:
    """`<cache folder>/tidb/<version>/tidb-server`, beside a record that shows damage."""

    folder: Path

    @classmethod
    def within(cls, cache_dir: Path) -> BinaryCache:
        return cls(cache_dir / "tidb" / TIDB_VERSION)

    @property
    def path(self) -> Path:
        return self.folder / NAME

    @property
    def _record(self) -> Path:
        return self.folder / f"{NAME}.json"

    def find(self, announce: Callable[[str], None]) -> Binary | None:
        """The cached binary if it is whole; one that is not is removed, and that is said.

        One that was put there by hand has no record yet: it is taken at its word.
        """
        if not self.path.is_file():
            return None
        record = self._recorded()
        if record is not None and record["seen"] == self._seen():
            return Binary(self.path, TIDB_VERSION)
        if record is not None and record["sha256"] != _hash(self.path):
            announce(f"The TiDB in {self.path} is damaged: its hash is not the one recorded.")
        elif told_version(self.path) != TIDB_VERSION:
            announce(f"The TiDB in {self.path} is damaged: it does not call itself {TIDB_VERSION}.")
        else:
            self.record()
            return Binary(self.path, TIDB_VERSION)
        self.path.unlink()
        self._record.unlink(missing_ok=True)
        return None

    def record(self) -> None:
        """Note down what the binary is now, so that later damage shows."""
        facts = {"sha256": _hash(self.path), "seen": self._seen()}
        draft = self._record.with_suffix(".new")
        draft.write_text(json.dumps(facts))
        draft.replace(self._record)

    def _recorded(self) -> dict[str, object] | None:
        try:
            record = json.loads(self._record.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return record if isinstance(record, dict) and {"seen", "sha256"} <= record.keys() else None

    def _seen(self) -> list[int]:
        """Size and time of change: while these stay, the hash is not computed again."""
        facts = self.path.stat()
        return [facts.st_size, facts.st_mtime_ns]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
