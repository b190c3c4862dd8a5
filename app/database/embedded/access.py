"""Getting into the embedded server once it runs: its user, its variables, Tidemark's database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pymysql
from pymysql.connections import Connection
from sqlalchemy import URL

from app.database.embedded.configuration import GLOBAL_VARIABLES
from app.database.embedded.folder import ServerFolder, ServerState, password_failure
from app.database.embedded.process import LOOPBACK
from app.errors import DatabaseUnavailable

DATABASE = "tidemark"
DENIED = 1045


def server_url(state: ServerState, password: str) -> URL:
    return URL.create(
        "mysql+pymysql",
        username="root",
        password=password,
        host=LOOPBACK,
        port=state.port,
        database=DATABASE,
        query={"charset": "utf8mb4"},
    )


def prepare(folder: ServerFolder, state: ServerState) -> None:
    """See that the server is as Tidemark needs it.

    Raises:
        EmbeddedServerFailed: the password is not the one that the server was started with first.
        DatabaseUnavailable: the server does not take the connection.
    """
    with connected(folder, state) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL VARIABLES WHERE Variable_name IN %s", [list(GLOBAL_VARIABLES)])
        now = dict(cursor.fetchall())
        for name, value in GLOBAL_VARIABLES.items():
            if now.get(name) != value:
                cursor.execute(f"SET GLOBAL {name} = %s", [value])
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
    folder.first_statements.unlink(missing_ok=True)  # it has the password in it


def damaged_tables(folder: ServerFolder, state: ServerState) -> tuple[tuple[str, ...], int]:
    """The tables of Tidemark's database whose indexes and rows disagree, and how many it has."""
    damaged = []
    with connected(folder, state) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY table_name",
            [DATABASE],
        )
        tables = [str(row[0]) for row in cursor.fetchall()]
        for table in tables:
            quoted = table.replace("`", "``")
            try:
                cursor.execute(f"ADMIN CHECK TABLE `{DATABASE}`.`{quoted}`")
            except pymysql.err.MySQLError as error:
                if not connection.open:
                    raise
                damaged.append(f"{table} ({error.args[-1]})")
    return tuple(damaged), len(tables)


@contextmanager
def connected(folder: ServerFolder, state: ServerState) -> Iterator[Connection]:
    """A connection as root, with every statement its own transaction."""
    try:
        connection = pymysql.connect(
            host=LOOPBACK,
            port=state.port,
            user="root",
            password=folder.password(),
            autocommit=True,
            connect_timeout=10,
        )
    except pymysql.err.OperationalError as error:
        if error.args[0] == DENIED:
            raise password_failure(folder, "is not the one that TiDB knows") from None
        raise DatabaseUnavailable(
            f"The embedded TiDB on {LOOPBACK}:{state.port} does not take connections: "
            f"{error.args[-1]}"
        ) from None
    try:
        yield connection
    finally:
        connection.close()
