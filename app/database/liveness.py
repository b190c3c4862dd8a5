"""Whether TiDB still answers, so that nobody waits long for one that does not.

A TiDB that hangs, or that no packet reaches any more, takes a statement and never replies. How long
a statement takes tells nothing of that: a build's may take minutes. So where one takes long, TiDB
is asked for a sign of life on a connection of its own. Without one, all who wait are let go, and
all who come are refused at once, until there is one.
"""

from __future__ import annotations

import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from pymysql.err import MySQLError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

log = logging.getLogger(__name__)

USE = "use"
LONGEST = 300.0
"""Seconds that TiDB may say nothing to a statement, whoever it is for."""
PATIENCE: ContextVar[float] = ContextVar("patience", default=math.inf)
"""Seconds that a statement may take in this context."""
# A connection that no packet passes any more is found out after half a minute, also while the
# server would have nothing to say on it. Not every system lets that be set.
KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """End each statement in this context after so long, as if the connection had been lost."""
    token = PATIENCE.set(seconds)
    try:
        yield
    finally:
        PATIENCE.reset(token)


@dataclass(frozen=True)
class Bounds:
    """In seconds."""

    doubt: float = 2.0
    """That a statement takes before TiDB is asked for a sign of life; then again each time."""
    answer: float = 4.0
    """That it has for that sign, and for each step of a new connection."""


@dataclass
class _Use:
    """A connection while a transaction has it: since when its last statement runs, and how long."""

    connection: Any
    since: float = 0.0
    until: float = 0.0

    def begin_statement(self) -> None:
        self.since = time.monotonic()
        self.until = self.since + PATIENCE.get()


@dataclass
class Liveness:
    """Watches the connections that are in use, on a thread that begins with the first of them."""

    bounds: Bounds = field(default_factory=Bounds)
    _uses: dict[ConnectionPoolEntry, _Use] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _silent_since: float | None = None
    _open: Callable[[], Any] | None = field(default=None, repr=False)  # it knows the password

    def watch(self, engine: Engine) -> None:
        """Make the engine's connections so that they can be watched, and watch them."""

        def connect(
            dialect: Any,  # noqa: ANN401 - of pymysql, which has no types
            _entry: ConnectionPoolEntry,
            given: tuple[object, ...],
            named: dict[str, object],
        ) -> Any:  # noqa: ANN401
            bounds = {"connect_timeout": self.bounds.answer, "read_timeout": self.bounds.answer}
            self._open = partial(dialect.loaded_dbapi.connect, *given, **named | bounds)
            try:
                connection = self._open()
            except MySQLError as failure:
                if _is_silence(failure):
                    self._fall_silent()
                raise
            # pymysql has one bound for the handshake and for what comes after it; it heeds a new
            # one with the next statement.
            connection._read_timeout = LONGEST  # noqa: SLF001
            _keep_alive(connection._sock)  # noqa: SLF001
            return connection

        def take(connection: Any, entry: ConnectionPoolEntry, _proxy: object) -> None:  # noqa: ANN401
            use = _Use(connection)
            use.begin_statement()
            entry.info[USE] = use
            with self._lock:
                self._uses[entry] = use
            self._begin()

        def begin_statement(**said: object) -> None:
            cast("Connection", said["conn"]).info[USE].begin_statement()

        def give_back(_connection: object, entry: ConnectionPoolEntry) -> None:
            with self._lock:
                self._uses.pop(entry, None)

        event.listen(engine, "do_connect", connect)
        event.listen(engine, "checkout", take)
        event.listen(engine, "checkin", give_back)
        event.listen(engine, "before_cursor_execute", begin_statement, named=True)

    @property
    def silent_for(self) -> float | None:
        """Seconds since TiDB last gave a sign of life; None while it answers."""
        since = self._silent_since
        return None if since is None else time.monotonic() - since

    def end(self) -> None:
        """Watch no longer."""
        self._ended.set()

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="liveness", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        answered = 0.0
        while not self._ended.wait(self.bounds.doubt / 4):
            now = time.monotonic()
            self._let_go(lambda use: use.until < now)  # noqa: B023 - called at once
            doubtful = now - self.bounds.doubt
            if self._silent_since is not None or self._longest(answered) < doubtful:
                self._look()
                answered = time.monotonic()

    def _longest(self, answered: float) -> float:
        """Since when a statement has lasted without a sign of life."""
        with self._lock:
            return min((max(use.since, answered) for use in self._uses.values()), default=math.inf)

    def _look(self) -> None:
        began = time.monotonic()
        if self._answers():
            if self._silent_since is not None:
                log.warning("TiDB answers again.")
            self._silent_since = None
            return
        self._fall_silent()
        self._let_go(lambda use: use.since <= began)

    def _fall_silent(self) -> None:
        if self._silent_since is None:
            log.warning("TiDB does not answer: whoever waits for it is let go.")
            self._silent_since = time.monotonic()
        self._begin()

    def _answers(self) -> bool:
        if self._open is None:
            return True  # nothing was asked of it yet
        try:
            with closing(self._open()) as connection:
                connection.ping(reconnect=False)
        except MySQLError as failure:
            return not _is_silence(failure)
        return True

    def _let_go(self, unwanted: Callable[[_Use], bool]) -> None:
        with self._lock:  # none is given to somebody else meanwhile
            for use in self._uses.values():
                if unwanted(use) and (plug := use.connection._sock) is not None:  # noqa: SLF001
                    with suppress(OSError):  # it is gone already
                        # Of the plain socket also under TLS: whoever reads finds its end.
                        socket.socket.shutdown(plug, socket.SHUT_RDWR)


def _keep_alive(plug: socket.socket) -> None:
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):
            plug.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _is_silence(failure: MySQLError) -> bool:
    """Whether nobody says anything, be it a refusal.

    A server that is not there refuses each connection by itself; and one that is about to stop
    listens no longer, but ends what it is at.
    """
    fault = getattr(failure, "original_exception", failure.__context__)
    return isinstance(fault, OSError) and not isinstance(fault, ConnectionRefusedError)
