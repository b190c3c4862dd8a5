"""The embedded server as a process of this machine, on its own and for all who use it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from app.database.embedded.configuration import (
    configuration,
    first_statements,
    process_environment,
    server_flags,
)
from app.database.embedded.folder import ServerFolder
from app.database.embedded.locks import is_locked, lock_soon
from app.errors import EmbeddedServerFailed

LOOPBACK = "127.0.0.1"
PATIENCE = 30.0  # seconds; on SIGTERM TiDB drains for up to 15
POLL = 0.05  # seconds

# The server is nobody's child and no one's to wait for, so it outlives the process that started it
# and leaves no zombie. It notes its process id itself, so that no kill can come between.
_NOTE_AND_RUN = 'echo $$ >"$0" && exec "$@"'
_LAUNCH = f'/bin/sh -c \'{_NOTE_AND_RUN}\' "$0" "$@" &'


@dataclass(frozen=True)
class LocalProcess:
    """A `tidb-server` in its own session, so that Ctrl-C in a terminal does not reach it.

    It inherits a lock on `folder.alive` and so holds it for exactly as long as it lives: no process
    id is ever mistaken for another's.
    """

    folder: ServerFolder
    kind: ClassVar[Literal["process"]] = "process"

    def alive(self) -> bool:
        return is_locked(self.folder.alive)

    def pid(self) -> int | None:
        """Its process id; None when it does not run."""
        if not self.alive():
            return None
        try:
            return int(self.folder.pid.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def launch(
        self, program: str, *, password: str, port: int, status_port: int, memory_mb: int
    ) -> None:
        """Start `program`, a path; it is not ready yet when this returns."""
        folder = self.folder
        folder.write_privately(
            folder.configuration,
            configuration(log=folder.log, slow_log=folder.slow_log, temporary=folder.temporary),
        )
        folder.write_privately(
            folder.first_statements, first_statements(password, user_host=LOOPBACK)
        )
        held = lock_soon(folder.alive)
        if held is None:
            raise EmbeddedServerFailed(
                f"A TiDB in {folder.path} is running although none should.",
                remedy="Run `tidemark database stop`, and start again.",
            )
        try:
            folder.pid.unlink(missing_ok=True)  # the number may be somebody else's by now
            with folder.output.open("ab") as output:
                subprocess.run(
                    [
                        *("/bin/sh", "-c", _LAUNCH, str(folder.pid), program),
                        *server_flags(port=port, status_port=status_port),
                        *("-path", str(folder.data), "-config", str(folder.configuration)),
                        *("-host", LOOPBACK, "-status-host", LOOPBACK),
                        *("-advertise-address", LOOPBACK),
                        *("-initialize-sql-file", str(folder.first_statements)),
                    ],
                    cwd=folder.path,
                    env=process_environment(memory_mb, folder.temporary),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    pass_fds=(held,),
                    check=True,
                )
        finally:
            os.close(held)

    def stop(self) -> bool:
        """End it, politely at first; whether it ended in peace (or did not run).

        Raises:
            EmbeddedServerFailed: it is still there after SIGKILL, or belongs to somebody else.
        """
        for ending in (signal.SIGTERM, signal.SIGKILL):
            pid = self.pid()
            if pid is None and not self.alive():
                return True
            if pid is not None:
                self._send(pid, ending)
            if _until_gone(self.folder.alive, PATIENCE):
                return ending is signal.SIGTERM
        raise EmbeddedServerFailed(
            f"The embedded TiDB in {self.folder.path} does not stop.",
            remedy=f"End the process whose number is in {self.folder.pid}.",
        )

    def _send(self, pid: int, ending: signal.Signals) -> None:
        try:
            os.kill(pid, ending)
        except ProcessLookupError:
            return
        except PermissionError:
            raise EmbeddedServerFailed(
                f"The embedded TiDB, process {pid}, belongs to another user and cannot be stopped.",
                remedy="Let its owner run `tidemark database stop`.",
            ) from None


def _until_gone(alive: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_locked(alive):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True
