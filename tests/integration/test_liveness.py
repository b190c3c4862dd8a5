"""A TiDB that takes statements and never replies: who waits for it, and for how long."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
from sqlalchemy import URL, text
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.liveness import Bounds, waiting_at_most
from app.errors import DatabaseUnavailable
from tests.waiting import PATIENCE, wait_until

IN_DOUBT_SOON = Bounds(doubt=0.05, answer=PATIENCE)
SOON_GIVEN_UP = Bounds(doubt=0.05, answer=1.5)


@dataclass
class Line:
    """A line to TiDB. What is dead takes what is sent, as a hanging server's does, and is silent.

    `dead` are the connections, by number, that nothing passes; `all_dead` is the line itself.
    """

    tidb: tuple[str, int]
    all_dead: threading.Event = field(default_factory=threading.Event)
    dead: set[int] = field(default_factory=set)
    number: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def open(self) -> Iterator[int]:
        """The port that it listens on."""
        with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self._listen, args=(listener, stack))
            thread.start()
            try:
                yield listener.getsockname()[1]
            finally:
                self._stop.set()
                thread.join()

    def _listen(self, listener: socket.socket, stack: ExitStack) -> None:
        ends: dict[socket.socket, tuple[int, socket.socket]] = {}
        while not self._stop.is_set():
            heard = [] if self.all_dead.is_set() else [listener]
            if not self.all_dead.is_set():
                heard += [end for end, (number, _) in ends.items() if number not in self.dead]
            for end in select.select(heard, [], [], 0.02)[0]:
                if end is listener:
                    self.number += 1
                    near, far = listener.accept()[0], socket.create_connection(self.tidb)
                    stack.enter_context(near)
                    stack.enter_context(far)
                    ends |= {near: (self.number, far), far: (self.number, near)}
                elif end in ends:
                    _, other = ends[end]
                    try:
                        passed = end.recv(1 << 16)
                        other.sendall(passed)
                    except OSError:
                        passed = b""
                    if not passed:
                        for gone in (end, other):
                            ends.pop(gone)
                            gone.close()


@pytest.fixture
def line(tidb_url: URL) -> Line:
    return Line((str(tidb_url.host), tidb_url.port or 4000))


@pytest.fixture
def through(tidb_url: URL, line: Line) -> Iterator[Callable[[Bounds], Database]]:
    """Makes a database at the other end of the line."""
    with ExitStack() as stack:
        port = stack.enter_context(line.open())
        url = tidb_url.set(host="127.0.0.1", port=port, database="test")

        def connect(bounds: Bounds) -> Database:
            database = Database.connect(url, bounds=bounds)
            stack.callback(database.dispose)
            return database

        yield connect


def asked(database: Database, question: str = "SELECT 1") -> object:
    def ask(session: Session) -> object:
        return session.scalar(text(question))

    return database.transaction(ask)


def answers(database: Database) -> bool:
    try:
        return asked(database) == 1
    except DatabaseUnavailable:
        return False


def refused(database: Database) -> str:
    with pytest.raises(DatabaseUnavailable) as refusal:
        asked(database)
    return refusal.value.message


def test_a_slow_statement_is_waited_for_while_tidb_gives_signs_of_life(
    through: Callable[[Bounds], Database], line: Line
) -> None:
    database = through(IN_DOUBT_SOON)
    assert asked(database, "SELECT SLEEP(0.5)") == 0
    assert line.number > 1  # the sign was asked for on another connection
    assert database.liveness.silent_for is None


def test_who_waits_for_a_tidb_that_hangs_is_let_go_and_who_comes_is_refused_until_it_answers(
    through: Callable[[Bounds], Database], line: Line
) -> None:
    database = through(SOON_GIVEN_UP)
    assert asked(database) == 1
    line.all_dead.set()
    assert "does not answer" in refused(database)
    assert "seconds by now" in refused(database)
    line.all_dead.clear()
    wait_until(partial(answers, database), "it does not go on by itself")


def test_all_who_wait_at_once_are_let_go_at_once(
    through: Callable[[Bounds], Database], line: Line
) -> None:
    database = through(SOON_GIVEN_UP)
    told: list[str] = []
    with ExitStack() as stack:
        began = threading.Barrier(9)

        def wait(session: Session) -> None:
            session.execute(text("SELECT 1"))
            began.wait(PATIENCE)
            session.execute(text("SELECT 2"))

        def ask() -> None:
            with pytest.raises(DatabaseUnavailable) as refusal:
                database.transaction(wait)
            told.append(refusal.value.message)

        for _ in range(8):
            thread = threading.Thread(target=ask)
            thread.start()
            stack.callback(thread.join, PATIENCE)
        wait_until(lambda: began.n_waiting == 8, "not all came to wait")
        line.all_dead.set()
        began.wait(PATIENCE)
    assert len(told) == 8


def test_a_new_connection_to_a_tidb_that_hangs_is_given_up(
    through: Callable[[Bounds], Database], line: Line
) -> None:
    line.all_dead.set()
    database = through(SOON_GIVEN_UP)
    assert "does not answer" in refused(database)
    line.all_dead.clear()
    wait_until(partial(answers, database), "it does not go on by itself")


def test_a_connection_that_hangs_alone_is_given_up_with_the_patience_of_who_asks(
    through: Callable[[Bounds], Database], line: Line
) -> None:
    database = through(IN_DOUBT_SOON)
    assert asked(database) == 1
    line.dead.add(line.number)
    with waiting_at_most(0.2):
        assert "does not answer (error 2013)" in refused(database)
    assert asked(database) == 1  # on another one
    assert database.liveness.silent_for is None
