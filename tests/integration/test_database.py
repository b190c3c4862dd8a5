"""The connection to TiDB: transactions tried again, and migrations that agree with the models."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pymysql.connections import Connection
from pymysql.cursors import Cursor
from pymysql.err import OperationalError as DriverError
from sqlalchemy import URL, bindparam, column, func, select, table, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

import app.documents.tables
import app.indexes.tables
import app.ingestion.fetching.tables
import app.ingestion.tables  # noqa: F401 - each module declares its tables
from app.database.capabilities import probe
from app.database.connection import Database
from app.database.migrations import is_migrated, migrate
from app.database.tables import FixedTable
from app.errors import DatabaseRefused, DatabaseUnavailable
from tests.tidb import fresh_database


@pytest.fixture
def empty(tidb_url: URL) -> Iterator[Database]:
    with fresh_database(tidb_url) as url:
        database = Database.connect(url)
        yield database
        database.dispose()


@pytest.fixture
def counter(empty: Database) -> Database:
    """A database with one table of one row, which counts."""
    with empty.engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (id INT PRIMARY KEY, n INT)"))
        connection.execute(text("INSERT INTO counter VALUES (1, 0)"))
    return empty


def count(database: Database) -> int:
    return database.transaction(lambda session: session.scalar(text("SELECT n FROM counter")))


def add_one(session: Session) -> None:
    session.execute(text("UPDATE counter SET n = n + 1 WHERE id = 1"))


def refusal(number: int, words: str = "as TiDB would say it") -> OperationalError:
    return OperationalError("statement", {}, DriverError(number, words))


def test_migrations_make_the_tables_that_the_models_describe(empty: Database) -> None:
    migrate(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, FixedTable.metadata) == []


def test_two_processes_that_start_at_once_migrate_once(empty: Database) -> None:
    other = Database.connect(empty.url)
    done: list[tuple[str, ...]] = []
    threads = [
        threading.Thread(target=lambda d=database: done.append(migrate(d)))
        for database in (empty, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.dispose()
    assert min(done, key=len) == ()
    assert len(max(done, key=len)) > 0
    assert is_migrated(empty)


def test_a_database_of_a_newer_tidemark_is_refused(empty: Database) -> None:
    migrate(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseRefused, match="newer Tidemark"):
        migrate(empty)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        *((number, "again, please") for number in (1213, 9007, 8028, 8005, 8133)),
        (1105, "pessimistic lock retry limit reached"),
    ],
)
def test_a_transaction_is_run_again_when_tidb_asks_for_it(
    counter: Database, number: int, words: str
) -> None:
    runs = []

    def work(session: Session) -> None:
        add_one(session)
        runs.append(1)
        if len(runs) == 1:
            raise refusal(number, words)

    counter.transaction(work)
    assert len(runs) == 2
    assert count(counter) == 1


def test_an_insert_that_was_to_update_is_run_again_where_the_row_came_meanwhile(
    counter: Database,
) -> None:
    runs = []

    def work(statement: str) -> None:
        def insert(session: Session) -> None:
            add_one(session)
            runs.append(1)
            if len(runs) == 1:
                raise IntegrityError(statement, {}, DriverError(1062, "Duplicate entry"))

        counter.transaction(insert)

    work("INSERT INTO counter VALUES (1, 0) ON DUPLICATE KEY UPDATE n = n + 1")
    assert (len(runs), count(counter)) == (2, 1)
    runs.clear()
    with pytest.raises(IntegrityError):
        work("INSERT INTO counter VALUES (1, 0)")
    assert (len(runs), count(counter)) == (1, 1)


def test_a_transaction_that_fails_leaves_nothing(counter: Database) -> None:
    def work(session: Session) -> None:
        add_one(session)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the test's own
        counter.transaction(work)
    assert count(counter) == 0


def test_a_connection_lost_while_committing_is_not_tried_again(
    counter: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = []

    def lose(_session: Session) -> None:
        commits.append(1)
        raise refusal(2013)

    monkeypatch.setattr(Session, "commit", lose)
    with pytest.raises(DatabaseUnavailable, match="while a change was being committed"):
        counter.transaction(add_one)
    assert len(commits) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE counter SET n = n + 1 WHERE id = 1",
        "UPDATE counter SET n = n + 1 WHERE id IN (1, 2)",
        "UPDATE counter SET n = n + 1 WHERE id = 1 AND n >= 0",
    ],
)
def test_writers_of_a_row_that_is_found_by_its_key_all_get_their_turn(
    counter: Database, statement: str
) -> None:
    def add_twenty() -> None:
        for _ in range(20):
            counter.transaction(lambda session: session.execute(text(statement)) and None)

    threads = [threading.Thread(target=add_twenty) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(counter) == 80


def test_a_tidb_that_is_not_there_is_a_sentence() -> None:
    database = Database.connect("mysql+pymysql://root@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        probe(database)


def test_a_wrong_password_is_a_sentence_without_the_password(empty: Database) -> None:
    wrong = empty.url.set(password="not-the-password")
    with pytest.raises(DatabaseRefused, match="refuses user") as refused:
        probe(Database.connect(wrong))
    assert "not-the-password" not in f"{refused.value} {refused.value.remedy}"


@pytest.mark.parametrize("url", ["nonsense", "postgresql://u@h/d", "mysql+pymysql://root@host"])
def test_a_url_that_is_none_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(DatabaseRefused, match="TiDB URL"):
        Database.connect(url)


NUMBER = select(column("n")).select_from(table("counter")).where(column("id") == bindparam("which"))


def test_a_read_sees_what_was_committed_a_moment_ago(counter: Database) -> None:
    assert counter.read(NUMBER, which=1) == [(0,)]
    counter.transaction(add_one)
    assert counter.read(NUMBER, which=1) == [(1,)]
    assert counter.read(NUMBER, which=2) == []


def test_a_read_asks_tidb_once(counter: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    counter.read(NUMBER, which=1)  # connects
    sent: list[object] = []
    send = Connection._execute_command

    def noted(connection: Connection[Cursor], command: int, what: str | bytes) -> None:
        sent.append(what)
        send(connection, command, what)

    monkeypatch.setattr(Connection, "_execute_command", noted)
    counter.read(NUMBER, which=1)
    assert len(sent) == 1, sent


def test_a_read_whose_connection_was_lost_is_made_on_another(counter: Database) -> None:
    (idle,) = counter.read(select(func.connection_id()))
    counter.transaction(lambda session: session.execute(text(f"KILL {idle[0]}")) and None)
    assert counter.read(NUMBER, which=1) == [(0,)]


def test_a_read_of_a_tidb_that_is_not_there_is_a_sentence() -> None:
    away = Database.connect("mysql+pymysql://root@127.0.0.1:1/tidemark")
    with pytest.raises(DatabaseUnavailable, match=r"TiDB at 127\.0\.0\.1:1 does not answer"):
        away.read(NUMBER, which=1)
