"""What the embedded server is doing, for those who only ask."""

from __future__ import annotations

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
    unclean: bool
    """It was not stopped cleanly: the next start checks its tables."""


def embedded_server_status(data_dir: Path) -> EmbeddedStatus:
    """Ask without starting anything.

    Raises:
        EmbeddedServerFailed: what the last start left cannot be read.
    """
    folder = ServerFolder.within(data_dir)
    state = folder.state()
    if state is None:
        return EmbeddedStatus(folder.path, False, None, None, None, None, (), False)  # noqa: FBT003
    runner = runner_of(folder, state)
    running = runner.alive()
    return EmbeddedStatus(
        folder=folder.path,
        running=running,
        kind=state.kind,
        version=state.version,
        port=state.port if running else None,
        pid=runner.pid(),
        users=tuple(holders(folder.leases)),
        unclean=state.unchecked or (state.running and not running),
    )
