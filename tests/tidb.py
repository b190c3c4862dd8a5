"""The TiDB that the tests run on: a given one, else a container, else the embedded server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import pymysql
from sqlalchemy import URL, make_url, text

from app.config import Settings
from app.database.connection import Database
from app.database.embedded import EmbeddedServer
from app.database.embedded.container import docker_answers
from app.database.embedded.program import IMAGE
from app.database.migrations import migrate
from app.errors import DatabaseUnavailable
from tests.waiting import PATIENCE

MEMORY_MB = 1500
"""It keeps what was dropped too: near its limit it would do little but look for what is free."""


@contextmanager
def tidb_for_tests(
    settings: Settings, data_dir: Path, announce: Callable[[str], None]
) -> Iterator[URL]:
    """A TiDB on which databases may be made and dropped; `data_dir` is shared by all workers.

    Raises:
        DatabaseUnavailable, EmbeddedServerFailed: there is none, with what would give one.
    """
    with ExitStack() as stack:
        if settings.tidb_test_url is not None:
            url = make_url(settings.tidb_test_url.get_secret_value())
        elif docker_answers():
            announce(f"Starting a container of {IMAGE} for the tests.")
            url = stack.enter_context(_container())
        else:
            server = EmbeddedServer(
                data_dir=data_dir,
                cache_dir=settings.cache_dir,
                memory_mb=max(MEMORY_MB, settings.tidb_memory_mb),
                announce=announce,
            )
            url = stack.enter_context(server.acquire()).url
        yield url.set(database="")


@contextmanager
def fresh_database(tidb: URL) -> Iterator[URL]:
    """A database of one's own on `tidb`, dropped afterwards."""
    name = f"tidemark_test_{uuid4().hex}"
    _execute(tidb, f"CREATE DATABASE {name}")
    try:
        yield tidb.set(database=name)
    finally:
        _execute(tidb, f"DROP DATABASE IF EXISTS {name}")


def make_tables(url: URL) -> None:
    """Make, in an empty database, what migrations make: they take TiDB twenty times as long."""
    _execute(url, *_tables(url.set(database="")))


@cache
def _tables(tidb: URL) -> tuple[str, ...]:
    """The statements that make the tables which all migrations together make, and their mark."""
    with ExitStack() as stack:
        database = Database.connect(stack.enter_context(fresh_database(tidb)))
        stack.callback(database.dispose)
        migrate(database)
        with database.engine.connect() as connection:
            names = connection.execute(text("SHOW TABLES")).scalars().all()
            made = [connection.execute(text(f"SHOW CREATE TABLE {name}")).one() for name in names]
            rows = {n: connection.scalar(text(f"SELECT COUNT(*) FROM {n}")) for n in names}  # noqa: S608
            revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    assert {name for name, count in rows.items() if count} == {"alembic_version"}
    mark = f"INSERT INTO alembic_version VALUES ('{revision}')"  # noqa: S608
    return (*(statement for _, statement in made), mark)


def _execute(tidb: URL, *statements: str) -> None:
    try:
        with (
            pymysql.connect(
                host=tidb.host,
                port=tidb.port or 4000,
                user=tidb.username,
                password=tidb.password or "",
                database=tidb.database,
                autocommit=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
    except pymysql.err.OperationalError as error:
        raise DatabaseUnavailable(
            f"The TiDB for the tests at {tidb.host}:{tidb.port} refused {statements[0]!r}: {error}",
            remedy="Check TIDB_TEST_URL, or unset it to let the tests bring a TiDB of their own.",
        ) from None


@contextmanager
def _container() -> Iterator[URL]:
    # testcontainers has no class for TiDB: its images answer on /status once they are bootstrapped.
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy

    ready = HttpWaitStrategy(10080, "/status").with_startup_timeout(int(PATIENCE))
    image = DockerContainer(IMAGE).with_exposed_ports(4000, 10080).waiting_for(ready)
    with image as container:
        yield URL.create(
            "mysql+pymysql",
            username="root",
            host=container.get_container_host_ip(),
            port=int(container.get_exposed_port(4000)),
            query={"charset": "utf8mb4"},
        )
