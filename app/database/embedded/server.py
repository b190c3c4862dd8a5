"""The embedded server as its users see it: acquired, shared, released."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from sqlalchemy import URL

from app.database.embedded.access import server_url
from app.database.embedded.failures import unusable
from app.database.embedded.folder import ServerFolder
from app.database.embedded.leases import LeaseFile, clear_abandoned, holders
from app.database.embedded.locks import locked
from app.database.embedded.program import find_program, runner_of
from app.database.embedded.start import Started, start, take_over

Announce = Callable[[str], None]


@dataclass
class Lease:
    """One user's hold on the server: it runs until this is released, or its process ends."""

    url: URL
    """With the password; the database is there."""
    recovered: bool
    """Whether this start found an unclean stop, and checked the tables."""
    damaged_tables: tuple[str, ...]
    """Tables of which that check found rows and indexes at odds, each with TiDB's words."""
    _folder: ServerFolder = field(repr=False)
    _file: LeaseFile = field(repr=False)
    _owner: int = field(default_factory=os.getpid, repr=False)
    _released: bool = field(default=False, repr=False)

    def keep(self) -> None:
        """Let the server run on after the last lease, until `stop_embedded_server`."""
        with _usable(self._folder), locked(self._folder.lock, lambda: None):
            state = self._folder.state()
            if state is not None:
                self._folder.remember(replace(state, kept=True))

    def release(self) -> None:
        """Give the server back; the last to do so stops it, unless it is kept. Twice is once.

        Raises:
            EmbeddedServerFailed: the server cannot be stopped.
        """
        if self._released or os.getpid() != self._owner:  # a forked child holds nothing
            return
        self._released = True
        with _usable(self._folder), locked(self._folder.lock, lambda: None):
            self._file.give_back()
            state = self._folder.state()
            kept = state is not None and state.kept
            if not kept and not holders(self._folder.leases):
                _stop(self._folder)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


@dataclass(frozen=True)
class EmbeddedServer:
    """The TiDB of a data folder, started on demand and shared by all Tidemark processes there."""

    data_dir: Path
    cache_dir: Path
    memory_mb: int
    """What Go's heap is held to, in MiB; binding from the next start on."""
    announce: Announce
    """Takes a sentence about what is being done or waited for."""

    def acquire(self) -> Lease:
        """Start the server, or join those who use it.

        The first time may take minutes, while TiDB is built.

        Raises:
            EmbeddedServerFailed: it could not be found, built or started; the message says why.
            DatabaseUnavailable: it runs and takes no connection.
        """
        folder = ServerFolder.within(self.data_dir)
        with _usable(folder):
            folder.make()
            # What may take minutes is done before the lock is taken.
            running = runner_of(folder, folder.state()).alive()
            program = None if running else find_program(folder, self.cache_dir, self.announce)
            with locked(folder.lock, self._say_waiting):
                started = self._joined(folder)
                if started is None:
                    program = program or find_program(folder, self.cache_dir, self.announce)
                    started = start(folder, program, self.memory_mb, self.announce)
                lease = LeaseFile.take(folder.leases)
            return Lease(
                url=server_url(started.state, folder.password()),
                recovered=started.recovered,
                damaged_tables=started.damaged,
                _folder=folder,
                _file=lease,
            )

    def _joined(self, folder: ServerFolder) -> Started | None:
        state = folder.state()
        runner = runner_of(folder, state)
        killed = clear_abandoned(folder.leases)
        if state is None or not runner.alive():
            return None
        if killed and not holders(folder.leases):
            self.announce("TiDB still runs from a Tidemark that was killed: going on with it.")
        return take_over(folder, runner, state, self.announce)

    def _say_waiting(self) -> None:
        self.announce("Waiting for another Tidemark process, which is starting or stopping TiDB.")


def stop_embedded_server(data_dir: Path) -> bool:
    """Stop the server whoever uses it; False if it did not run.

    Raises:
        EmbeddedServerFailed: it cannot be stopped.
    """
    folder = ServerFolder.within(data_dir)
    if not folder.path.is_dir():
        return False
    with _usable(folder), locked(folder.lock, lambda: None):
        return _stop(folder)


def _stop(folder: ServerFolder) -> bool:
    state = folder.state()
    runner = runner_of(folder, state)
    if not runner.alive():
        return False
    if runner.stop() and state is not None:
        folder.remember(replace(state, running=False, kept=False))
    return True


@contextmanager
def _usable(folder: ServerFolder) -> Iterator[None]:
    """Turn what the disk refuses into a sentence."""
    try:
        yield
    except OSError as error:
        raise unusable(error, folder.path) from error
