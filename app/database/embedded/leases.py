"""Who uses the embedded server: a locked file each, so that a killed process no longer counts."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from app.database.embedded.locks import is_locked, lock_soon


@dataclass(frozen=True)
class LeaseFile:
    """One user's claim on the server, held until `give_back` or the process's end."""

    path: Path
    descriptor: int

    @classmethod
    def take(cls, folder: Path) -> LeaseFile:
        path = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        descriptor = lock_soon(path)
        if descriptor is None:
            raise FileExistsError(path)
        return cls(path, descriptor)

    def give_back(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def holders(folder: Path) -> list[int]:
    """The process ids of those who hold a lease, once per lease."""
    if not folder.is_dir():
        return []
    held = [path.name for path in folder.iterdir() if is_locked(path)]
    return sorted(int(name.partition("-")[0]) for name in held)


def clear_abandoned(folder: Path) -> int:
    """Remove the leases of processes that died without giving them back; how many there were."""
    abandoned = [path for path in folder.iterdir() if not is_locked(path)]
    for path in abandoned:
        path.unlink(missing_ok=True)
    return len(abandoned)
