"""Bringing a database to the tables that this version expects, once, whoever starts first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.config import project_folder
from app.database.connection import Database
from app.errors import DatabaseRefused, DatabaseUnavailable

LOCK = "tidemark-migrations"
LOCK_SECONDS = 120


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
    with database.engine.connect() as connection, _lock(connection):
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
def _lock(connection: Connection) -> Iterator[None]:
    # A user-level lock belongs to the connection: it ends with the process that held it.
    got = connection.execute(text("SELECT GET_LOCK(:n, :s)"), {"n": LOCK, "s": LOCK_SECONDS})
    if got.scalar() != 1:
        raise DatabaseUnavailable(
            f"Another process has been migrating the database for {LOCK_SECONDS} seconds.",
            remedy="Wait for it to end, or stop it, and start again.",
        )
    try:
        yield
    finally:
        connection.execute(text("SELECT RELEASE_LOCK(:n)"), {"n": LOCK})
