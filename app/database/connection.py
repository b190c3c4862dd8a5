"""The connection to TiDB: one pool, one way to run a transaction, and errors in words."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, TypeVarTuple, overload

from pytidb import TiDBClient
from sqlalchemy import URL, Engine, Row, Select, TextClause, create_engine, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from app.database.liveness import PATIENCE, Bounds, Liveness
from app.database.observing import observe
from app.errors import DatabaseRefused, DatabaseUnavailable

T = TypeVar("T")
Columns = TypeVarTuple("Columns")

# TiDB asks for the whole transaction again: deadlock, write conflict, schema changed under it; and
# 8133, which an embedded server says of an index and its rows while another's commit is in between.
CONFLICTS = frozenset({1213, 9007, 8002, 8022, 8028, 8005, 8133})
# TiDB's number for all that has none of its own; this is a conflict too.
UNNUMBERED, RIVALS = 1105, "pessimistic lock retry limit reached"
# Of an insert that updates what is there, which says this where a rival's row came meanwhile.
DUPLICATE = 1062
# A store is busy or moving: again, after a pause.
BUSY = frozenset({9001, 9002, 9003, 9004, 9005, 9012, 9013, 1205})
# The connection is gone or could not be made.
LOST = frozenset({2003, 2006, 2013, 2014, 2055, 0})
DENIED = frozenset({1044, 1045, 1049, 1698})

ATTEMPTS = 8
RECONNECTS = 2  # a TiDB that is away should be told of at once
FIRST_PAUSE = 0.02  # seconds; doubled on each try, with jitter, so that rivals don't meet again
UNKNOWN_OUTCOME = "TiDB's connection was lost while a change was being committed"


def asks_again(failure: DBAPIError) -> bool:
    """Whether TiDB asks for the same once more: a rival was first, or a store is busy."""
    return error_number(failure) in CONFLICTS | BUSY or _met_rivals(failure) or _lost_row(failure)


def error_number(error: DBAPIError) -> int:
    """The MySQL error number of a driver's error; 0 when it has none."""
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else 0


@dataclass(frozen=True)
class Database:
    """TiDB as the stores see it. Made once, in the composition root."""

    client: TiDBClient
    url: URL
    liveness: Liveness
    reader: Engine
    """Connections on which each statement is a transaction of its own, for `read`."""

    @classmethod
    def connect(
        cls, url: str | URL, *, pool_size: int = 16, bounds: Bounds | None = None
    ) -> Database:
        """Make the pool; nothing is sent until the first statement.

        Raises:
            DatabaseRefused: `url` is not a mysql+pymysql URL with a database name.
        """
        parsed = _checked(url)
        # A string: pytidb builds URLs that break on "/" in a password and on IPv6 hosts.
        written = parsed.render_as_string(hide_password=False)
        options: dict[str, Any] = {
            # A search makes several short transactions, so each round trip counts. None to ask
            # whether a connection is alive: `transaction` begins anew on another if it is not. None
            # to end what has ended: every use commits or rolls back before it gives one back.
            "pool_pre_ping": False,
            "pool_reset_on_return": None,
            "pool_recycle": 300,
            "pool_size": pool_size,
            "max_overflow": pool_size,
            "pool_timeout": 10,
            "connect_args": {"charset": "utf8mb4"},
        }
        client = TiDBClient.connect(written, **options)
        own = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
        reader = create_engine(written, **options, **own)
        liveness = Liveness(bounds or Bounds())
        for engine in (client.db_engine, reader):
            observe(engine)
            liveness.watch(engine)
        return cls(client, parsed, liveness, reader)

    @property
    def engine(self) -> Engine:
        return self.client.db_engine

    def transaction(self, work: Callable[[Session], T]) -> T:
        """Run `work` in one transaction, as often as TiDB asks for it, and commit.

        `work` must be safe to run again: it gets a fresh session each time, and all it reads is one
        snapshot. pytidb's tables join the transaction, because its client keeps the session in a
        context variable; so it must stay on this thread and outside generators.

        What another transaction may change at the same time is found by a whole primary or unique
        key where it is locked or updated, or after a row was locked that way which the other locks
        too. Found by a scan or another index, the embedded server may lose one of two changes:
        with one-phase commit, what was committed can have an older time than a read that missed it
        (TiDB 8.5.4 on unistore; 1 to 30 of 1,000 with four rivals).

        Raises:
            DatabaseUnavailable: TiDB does not answer, or kept asking to try again.
            DatabaseRefused: TiDB refuses the user.
        """
        began = time.monotonic()
        for attempt in range(ATTEMPTS):
            self._require_alive()
            committing = False
            try:
                with self.client.session() as session:
                    result = work(session)
                    session.flush()
                    committing = True
            except PoolTimeoutError as full:
                raise DatabaseUnavailable("Every connection to TiDB is in use.") from full
            except DBAPIError as failure:
                if error_number(failure) in LOST and committing:
                    # Whether it was committed is not known: running it again could do it twice.
                    raise DatabaseUnavailable(f"{UNKNOWN_OUTCOME}.") from failure
                self._pause(failure, attempt, began)
            else:
                return result
        raise AssertionError("the last attempt returns or raises")

    @overload
    def read(self, select: Select[*Columns], **parameters: object) -> Sequence[Row[*Columns]]: ...

    @overload
    def read(self, select: TextClause, **parameters: object) -> Sequence[Row[*tuple[Any, ...]]]: ...

    def read(
        self, select: Select[*tuple[Any, ...]] | TextClause, **parameters: object
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """The rows of one statement, as they are by now, for what every request has to ask.

        A round trip, where `transaction` makes two. It takes no part in a transaction around it.
        `select` is best made once, with `bindparam`: to make it anew takes as long as to run it.

        Raises:
            DatabaseUnavailable, DatabaseRefused: as `transaction`.
        """
        began = time.monotonic()
        for attempt in range(ATTEMPTS):
            self._require_alive()
            try:
                with self.reader.connect() as connection:
                    return connection.execute(select, parameters).all()
            except PoolTimeoutError as full:
                raise DatabaseUnavailable("Every connection to TiDB is in use.") from full
            except DBAPIError as failure:
                self._pause(failure, attempt, began)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, failure: DBAPIError, attempt: int, began: float) -> None:
        """Wait until the same may be tried again, or raise what a person should be told of it."""
        patient = time.monotonic() - began < PATIENCE.get()
        lost = _is_lost(failure) and attempt < RECONNECTS and patient
        if not (lost or asks_again(failure)) or attempt == ATTEMPTS - 1:
            raise as_our_error(failure, self.url) from failure
        time.sleep(FIRST_PAUSE * 2**attempt * (0.5 + random.random()))  # noqa: S311 - jitter

    def _require_alive(self) -> None:
        silent_for = self.liveness.silent_for
        if silent_for is not None:
            raise DatabaseUnavailable(
                f"TiDB at {_where(self.url)} does not answer, for {silent_for:.0f} seconds by now."
            )

    def dispose(self) -> None:
        """Close the pool's connections."""
        self.liveness.end()
        self.client.disconnect()
        self.reader.dispose()


def _checked(url: str | URL) -> URL:
    remedy = "Write TIDB_DATABASE_URL as mysql+pymysql://user:password@host:4000/database."
    try:
        parsed = make_url(url)
    except Exception as unreadable:  # SQLAlchemy raises several kinds for bad text
        raise DatabaseRefused("The TiDB URL cannot be read.", remedy=remedy) from unreadable
    if parsed.drivername == "mysql":
        parsed = parsed.set(drivername="mysql+pymysql")
    if parsed.drivername != "mysql+pymysql" or not parsed.database or not parsed.host:
        raise DatabaseRefused(
            "The TiDB URL lacks a part: it needs the driver, a host and a database.", remedy=remedy
        )
    return parsed


def _where(url: URL) -> str:
    return f"{url.host}:{url.port or 4000}"


def _is_lost(failure: DBAPIError) -> bool:
    return failure.connection_invalidated or (
        isinstance(failure, OperationalError) and error_number(failure) in LOST
    )


def _lost_row(failure: DBAPIError) -> bool:
    """Whether an insert that was to update what is there already found that too late."""
    updates = "ON DUPLICATE KEY UPDATE" in (failure.statement or "")
    return updates and error_number(failure) == DUPLICATE


def _met_rivals(failure: DBAPIError) -> bool:
    return error_number(failure) == UNNUMBERED and RIVALS in str(failure.orig)


def as_our_error(failure: DBAPIError, url: URL) -> Exception:
    """What a person should be told of a driver's error; other errors stay as they are."""
    number = error_number(failure)
    where = _where(url)
    if number in DENIED:
        return DatabaseRefused(
            f"TiDB at {where} refuses user {url.username!r} on database {url.database!r}.",
            remedy="Check the user, its password and the database's name in TIDB_DATABASE_URL.",
        )
    if number in LOST | BUSY | CONFLICTS - {8133} or _met_rivals(failure):
        return DatabaseUnavailable(f"TiDB at {where} does not answer (error {number}).")
    return failure
