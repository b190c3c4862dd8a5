"""Bringing a database to the tables that this version expects, once, whoever starts first."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.config import project_folder
from app.database.connection import Database, asks_again
from app.errors import DatabaseRefused, DatabaseUnavailable

LOCK = "tidemark-migrations"
LOCK_SECONDS = 120
LONGEST_LOCK = 64  # characters of a lock's name, as MySQL has it


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration as in `pyproject.toml`, on a connection that is open already."""
    config = Config()
    config.set_main_option("script_location", str(project_folder() / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(database: Database) -> tuple[str, ...]:
    """Run the migrations that are missing, under a lock of the server; returns their revisions.

    Raises:
        DatabaseUnavailable: another process holds the lock for longer than two minutes.
        DatabaseRefused: the database was made by a newer Tidemark.
    """
    if is_migrated(database):
        return ()  # without the lock, at which many that start at once would meet
    with database.engine.connect() as connection, _lock(connection, database.url.database):
        config = alembic_config(connection)
        script = ScriptDirectory.from_config(config)
        present = MigrationContext.configure(connection).get_current_revision()
        # Reading the revision began a transaction; the migrations' DDL begins its own.
        connection.commit()
        known = {revision.revision for revision in script.walk_revisions()}
        if present is not None and present not in known:
            raise DatabaseRefused(
                f"This database was made by a newer Tidemark (its revision is {present}).",
                remedy="Start that version, or use another database.",
            )
        missing = [r.revision for r in script.iterate_revisions("head", present or "base")]
        if missing:
            command.upgrade(config, "head")
            connection.commit()
        return tuple(reversed(missing))


def is_migrated(database: Database) -> bool:
    """Whether the database has every table of this version."""
    with database.engine.connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
        present = MigrationContext.configure(connection).get_current_revision()
        return present == script.get_current_head()


def require_ready(database: Database) -> None:
    """Refuse while the database cannot be used.

    A newer revision than this version's is no hindrance: migrations only add, so that processes of
    the version before go on while they are restarted one by one. No lock is asked for: looking at
    it would be in the way of those who need it.

    Raises:
        DatabaseUnavailable: TiDB does not answer, or lacks tables of this version as yet.
    """
    present = database.transaction(
        lambda session: session.scalar(text("SELECT version_num FROM alembic_version"))
    )
    if present in _older_revisions():
        raise DatabaseUnavailable(
            "The database is being brought up to date.", remedy="Wait until that is done."
        )


@cache
def _older_revisions() -> frozenset[str]:
    config = Config()
    config.set_main_option("script_location", str(project_folder() / "migrations"))
    revisions = ScriptDirectory.from_config(config).walk_revisions()
    return frozenset(revision.revision for revision in revisions if not revision.is_head)


@contextmanager
def _lock(connection: Connection, database: str | None) -> Iterator[None]:
    # A user-level lock belongs to the connection: it ends with the process that held it. Its name
    # is the server's, so that of the database is in it.
    name = f"{LOCK} {database}"[:LONGEST_LOCK]
    if not _taken(connection, name):
        raise DatabaseUnavailable(
            f"Another process has been migrating the database for {LOCK_SECONDS} seconds.",
            remedy="Wait for it to end, or stop it, and start again.",
        )
    try:
        yield
    finally:
        connection.execute(text("SELECT RELEASE_LOCK(:n)"), {"n": name})


def _taken(connection: Connection, name: str) -> bool:
    """Whether the lock could be had in time; TiDB may ask to try again where many want it."""
    ends = time.monotonic() + LOCK_SECONDS
    while (left := ends - time.monotonic()) > 0:
        try:
            got = connection.execute(text("SELECT GET_LOCK(:n, :s)"), {"n": name, "s": int(left)})
            return got.scalar() == 1
        except DBAPIError as failure:
            if not asks_again(failure):
                raise
            connection.rollback()
            time.sleep(random.uniform(0.05, 0.5))  # noqa: S311 - so that rivals don't meet again
    return False
