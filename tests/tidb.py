"""The TiDB that the tests run on: a given one, else a container, else the embedded server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pymysql
from sqlalchemy import URL, make_url

from app.config import Settings
from app.database.embedded import EmbeddedServer
from app.database.embedded.container import docker_answers
from app.database.embedded.program import IMAGE
from app.errors import DatabaseUnavailable
from tests.waiting import PATIENCE


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
                memory_mb=settings.tidb_memory_mb,
                announce=announce,
            )
            url = stack.enter_context(server.acquire()).url
        yield url.set(database=None)


@contextmanager
def fresh_database(tidb: URL) -> Iterator[URL]:
    """A database of one's own on `tidb`, dropped afterwards."""
    name = f"tidemark_test_{uuid4().hex}"
    _execute(tidb, f"CREATE DATABASE {name}")
    try:
        yield tidb.set(database=name)
    finally:
        _execute(tidb, f"DROP DATABASE IF EXISTS {name}")


def _execute(tidb: URL, statement: str) -> None:
    try:
        with (
            pymysql.connect(
                host=tidb.host,
                port=tidb.port or 4000,
                user=tidb.username,
                password=tidb.password or "",
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    except pymysql.err.OperationalError as error:
        raise DatabaseUnavailable(
            f"The TiDB for the tests at {tidb.host}:{tidb.port} refused {statement!r}: {error}",
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
