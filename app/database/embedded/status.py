"""What the embedded server is doing, for those who only ask."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.database.embedded.folder import ServerFolder
from app.database.embedded.leases import holders
from app.database.embedded.program import runner_of


@dataclass(frozen=True)
class EmbeddedStatus:
    """A moment's view: what is true now may not be when it is read."""

    folder: Path
    running: bool
    kind: Literal["process", "container"] | None
    """None when it was never started here."""
    version: str | None
    port: int | None
    pid: int | None
    users: tuple[int, ...]
    """Process ids of the Tidemark processes that hold it, one per lease."""
    free_mb: int
    """What is free on its disk, in MB (10^6 bytes); on a full one TiDB lets writes hang."""
    unclean: bool
    """It was not stopped cleanly: the next start checks its tables."""


def embedded_server_status(data_dir: Path) -> EmbeddedStatus:
    """Ask without starting anything.

    Raises:
        EmbeddedServerFailed: what the last start left cannot be read.
    """
    folder = ServerFolder.within(data_dir)
    state = folder.state()
    runner = runner_of(folder, state)
    running = state is not None and runner.alive()
    crashed = state is not None and not running and (state.running or folder.left_open())
    return EmbeddedStatus(
        folder=folder.path,
        running=running,
        kind=state.kind if state else None,
        version=state.version if state else None,
        port=state.port if state and running else None,
        pid=runner.pid() if running else None,
        users=tuple(holders(folder.leases)),
        free_mb=_free_mb(folder.path),
        unclean=crashed or (state is not None and state.unchecked),
    )


def _free_mb(path: Path) -> int:
    """Asked of the nearest folder above `path` that is there."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return shutil.disk_usage(there).free // 1_000_000
