"""Starting the embedded server, or taking over the one that runs; and making good after a crash."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.database.embedded.access import damaged_tables, prepare
from app.database.embedded.binary import version_number
from app.database.embedded.failures import (
    SPACE_TO_BEGIN,
    SPACE_TO_START,
    PortTaken,
    require_space,
    start_failure,
)
from app.database.embedded.folder import ServerFolder, ServerState
from app.database.embedded.ports import choose_ports
from app.database.embedded.program import Program, Runner
from app.database.embedded.readiness import wait_until_ready
from app.errors import EmbeddedServerFailed

ATTEMPTS = 3  # a port that was free may be gone a moment later


@dataclass(frozen=True)
class Started:
    """A server that is ready."""

    state: ServerState
    recovered: bool = False
    damaged: tuple[str, ...] = ()


def start(
    folder: ServerFolder, program: Program, memory_mb: int, announce: Callable[[str], None]
) -> Started:
    """Start `program` on `folder`'s data; whoever calls this holds `folder.lock`.

    Raises:
        EmbeddedServerFailed: it cannot be started, with the reason; nothing is left running.
        DatabaseUnavailable: it runs and takes no connection.
    """
    last = folder.state()
    _refuse_newer_data(last, program)
    initialized = folder.has_data() if last is None else last.initialized
    space = SPACE_TO_START if initialized else SPACE_TO_BEGIN
    require_space(folder.path, space, "TiDB", "TIDEMARK_DATA_DIR")
    if not initialized and folder.has_data():
        announce("TiDB's very first start was interrupted; beginning again.")
        shutil.rmtree(folder.data)
    crashed = initialized and (last is None or last.running or folder.left_open())
    if crashed:
        announce("TiDB was not stopped cleanly last time: recovering.")
    announce(f"Starting TiDB {program.version}.")
    state = ServerState(
        kind=program.runner.kind,
        version=program.version,
        port=0,
        status_port=0,
        initialized=initialized,
        unchecked=crashed or (last is not None and last.unchecked),
    )
    for attempt in range(ATTEMPTS):
        port, status_port = choose_ports(last if attempt == 0 else None)
        state = replace(state, port=port, status_port=status_port, running=True)
        try:
            return _launched(folder, program, state, memory_mb, announce)
        except PortTaken:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def take_over(
    folder: ServerFolder, runner: Runner, state: ServerState, announce: Callable[[str], None]
) -> Started | None:
    """Use the server that runs; None if it ended meanwhile."""
    if not wait_until_ready(runner, folder, state, announce):
        return None
    return _prepared(folder, state, announce)


def _launched(
    folder: ServerFolder,
    program: Program,
    state: ServerState,
    memory_mb: int,
    announce: Callable[[str], None],
) -> Started:
    password = folder.password()
    told_before = [_size(path) for path in (folder.log, folder.output)]
    folder.remember(state)
    try:
        program.runner.launch(
            program.name,
            password=password,
            port=state.port,
            status_port=state.status_port,
            memory_mb=memory_mb,
        )
        _wait(folder, program, state, told_before, announce)
        return _prepared(folder, state, announce)
    except BaseException:
        if program.runner.stop():
            # The data are as they were: without this, the next start would speak of a crash.
            folder.remember(replace(state, running=False))
        raise


def _wait(
    folder: ServerFolder,
    program: Program,
    state: ServerState,
    told_before: list[int],
    announce: Callable[[str], None],
) -> None:
    if not wait_until_ready(program.runner, folder, state, announce):
        raise start_failure(folder, _told_since(folder, told_before))


def _prepared(folder: ServerFolder, state: ServerState, announce: Callable[[str], None]) -> Started:
    prepare(folder, state)
    ready = replace(state, initialized=True)
    if not state.unchecked:
        if ready != state:
            folder.remember(ready)
        return Started(ready)
    damaged, checked = damaged_tables(folder, state)
    if damaged:
        announce(
            f"TiDB is back, but {len(damaged)} of {checked} tables are damaged: "
            f"{', '.join(damaged)}. Rebuild the indexes they belong to."
        )
    else:
        announce(f"TiDB is back after the crash; tables checked: {checked}, all whole.")
    # What is damaged stays to be checked, and told, until it is mended.
    folder.remember(replace(ready, unchecked=bool(damaged)))
    return Started(ready, recovered=True, damaged=damaged)


def _refuse_newer_data(last: ServerState | None, program: Program) -> None:
    if last is not None and version_number(last.version) > version_number(program.version):
        raise EmbeddedServerFailed(
            f"The data were written by TiDB {last.version}, and {program.name} is the older "
            f"{program.version}, which may not understand them.",
            remedy=f"Put a tidb-server {last.version} or newer on PATH, or update Tidemark.",
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _told_since(folder: ServerFolder, before: list[int]) -> str:
    told = ""
    for path, size in zip((folder.log, folder.output), before, strict=True):
        if path.exists():
            with path.open("rb") as file:
                file.seek(size)
                told += file.read(1_000_000).decode(errors="replace") + "\n"
    return told
