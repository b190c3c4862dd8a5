"""Copying everything from one TiDB to another, row by row, until both say that it is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from app.database.connection import Database
from app.errors import DatabaseRefused

MARKER = "unfinished_move"
"""A table of the target while a move into it has not ended."""
LEFT_ALONE = frozenset({"alembic_version", MARKER})
BATCH = 8_000_000  # bytes of a statement's rows, about
FIRST_ROWS = 8  # of a table, before it is known how large its rows are
MOST_ROWS = 2_000
NOT_EVERYWHERE = ("VECTOR INDEX", "FULLTEXT INDEX", "FULLTEXT KEY")

Report = Callable[[str, int], None]
"""Told of a table, and how many of its rows are in the target by now."""


@dataclass(frozen=True)
class Moved:
    tables: int
    rows: int


@dataclass(frozen=True)
class _Table:
    name: str
    columns: tuple[str, ...]
    vectors: frozenset[str]
    key: tuple[str, ...]

    @property
    def listed(self) -> str:
        return ", ".join(f"`{column}`" for column in self.columns)

    @property
    def ordered(self) -> str:
        return ", ".join(f"`{column}`" for column in self.key)

    @property
    def hash(self) -> str:
        """64 bits of each row's SHA-256, over all its values; XOR does not care for the order."""
        texts = (
            f"CAST(`{column}` AS CHAR)" if column in self.vectors else f"`{column}`"
            for column in self.columns
        )
        values = ", ".join(f"IFNULL(SHA2({value}, 256), '-')" for value in texts)
        row = f"SHA2(CONCAT_WS(',', {values}), 256)"
        return f"BIT_XOR(CAST(CONV(SUBSTRING({row}, 1, 16), 16, 10) AS UNSIGNED))"


@dataclass(frozen=True)
class Move:
    """From a TiDB that nobody changes meanwhile to one that has this version's tables, empty.

    One that was interrupted is begun again: what is there and the same is left as it is.
    """

    source: Database
    target: Database

    def run(self, report: Report = lambda _name, _rows: None) -> Moved:
        """Copy every table.

        Raises:
            DatabaseRefused: the target has data of its own, or the source was changed meanwhile.
        """
        with self.source.engine.connect() as here, self.target.engine.connect() as there:
            self._begin(here, there)
            tables, rows = list(_tables(here)), 0
            here.commit()
            there.commit()
            for table in tables:
                rows += _copy(here, there, table, report)
            changed = [table.name for table in tables if _differs(here, there, table)]
            if changed:
                raise DatabaseRefused(
                    f"Something changed while it was copied: {', '.join(changed)}.",
                    remedy="Stop every Tidemark process, and run the same command again.",
                )
            there.execute(text(f"DROP TABLE {MARKER}"))
        return Moved(len(tables), rows)

    def _begin(self, here: Connection, there: Connection) -> None:
        present = set(_names(there))
        missing = [name for name in _names(here) if name not in present | LEFT_ALONE]
        if MARKER not in present:
            full = [name for name in present - LEFT_ALONE if _has_rows(there, name)]
            if full:
                raise DatabaseRefused(
                    f"That database has data already, in {', '.join(sorted(full))}.",
                    remedy="Name an empty database; `CREATE DATABASE` makes one.",
                )
            there.execute(text(f"CREATE TABLE {MARKER} (id INT PRIMARY KEY)"))
        for name in missing:  # an index's tables
            there.execute(text(_definition(here, name)))


def _names(connection: Connection) -> list[str]:
    rows = connection.execute(
        text(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name"
        )
    )
    return [str(name) for (name,) in rows]


def _has_rows(connection: Connection, name: str) -> bool:
    return connection.execute(text(f"SELECT 1 FROM `{name}` LIMIT 1")).first() is not None  # noqa: S608


def _definition(connection: Connection, name: str) -> str:
    """How a table is made, without the indexes that not every server can have."""
    _, made = connection.execute(text(f"SHOW CREATE TABLE `{name}`")).one()
    lines = [
        line for line in str(made).splitlines() if not any(kind in line for kind in NOT_EVERYWHERE)
    ]
    lines[-2] = lines[-2].removesuffix(",")
    return "\n".join(lines).replace(":", "\\:")


def _tables(connection: Connection) -> Iterator[_Table]:
    for name in _names(connection):
        if name in LEFT_ALONE:
            continue
        columns = connection.execute(
            text(
                "SELECT column_name, data_type FROM information_schema.columns "
                "WHERE table_schema = DATABASE() AND table_name = :name ORDER BY ordinal_position"
            ),
            {"name": name},
        ).all()
        key = connection.execute(
            text(
                "SELECT column_name FROM information_schema.key_column_usage "
                "WHERE table_schema = DATABASE() AND table_name = :name "
                "AND constraint_name = 'PRIMARY' ORDER BY ordinal_position"
            ),
            {"name": name},
        )
        yield _Table(
            name,
            tuple(column for column, _ in columns),
            frozenset(column for column, kind in columns if str(kind).lower() == "vector"),
            tuple(column for (column,) in key),
        )


def _copy(here: Connection, there: Connection, table: _Table, report: Report) -> int:
    """Make the target's table equal to the source's; how many rows it has then."""
    empty = not _has_rows(there, table.name)
    if not empty and not _differs(here, there, table):
        copied = int(here.execute(text(f"SELECT COUNT(*) FROM `{table.name}`")).scalar_one())  # noqa: S608
        report(table.name, copied)
        return copied
    copied, most = 0, FIRST_ROWS
    after: Sequence[Any] | None = None
    while True:
        where, values = _beyond(table, after)
        rows = here.execute(
            text(
                f"SELECT {table.listed} FROM `{table.name}` WHERE {where} "  # noqa: S608
                f"ORDER BY {table.ordered} LIMIT {most}"
            ),
            values,
        ).all()
        here.commit()  # the next look is at the newest state, not at one long ago
        last = _key_of(table, rows[-1]) if rows else None
        if not empty:
            _clear(there, table, after, last if len(rows) == most else None)
        if rows:
            _insert(there, table, rows)
        there.commit()
        copied += len(rows)
        report(table.name, copied)
        if len(rows) < most:
            return copied
        after = last
        size = sum(_size(value) for row in rows for value in row) / len(rows)
        most = max(1, min(MOST_ROWS, most * 4, int(BATCH / max(size, 1))))


def _insert(there: Connection, table: _Table, rows: Sequence[Any]) -> None:
    one = f"({', '.join(['%s'] * len(table.columns))})"
    there.exec_driver_sql(
        f"INSERT INTO `{table.name}` ({table.listed}) VALUES "  # noqa: S608
        + ", ".join([one] * len(rows)),
        tuple(value for row in rows for value in row),
    )


def _clear(
    there: Connection, table: _Table, after: Sequence[Any] | None, last: Sequence[Any] | None
) -> None:
    """Remove what an earlier move left between two keys; to the end where `last` is None."""
    where, values = _beyond(table, after)
    if last is not None:
        until, more = _beyond(table, last, "b")
        where, values = f"{where} AND NOT ({until})", values | more
    there.execute(text(f"DELETE FROM `{table.name}` WHERE {where}"), values)  # noqa: S608


def _beyond(
    table: _Table, after: Sequence[Any] | None, mark: str = "a"
) -> tuple[str, dict[str, Any]]:
    """The condition for rows whose primary key comes after `after`."""
    if after is None:
        return "TRUE", {}
    values = {f"{mark}{place}": value for place, value in enumerate(after)}
    either = []
    for place, column in enumerate(table.key):
        same = [f"`{table.key[i]}` = :{mark}{i}" for i in range(place)]
        either.append("(" + " AND ".join([*same, f"`{column}` > :{mark}{place}"]) + ")")
    return f"({' OR '.join(either)})", values


def _key_of(table: _Table, row: Any) -> list[Any]:  # noqa: ANN401 - a row of any table
    return [row[table.columns.index(column)] for column in table.key]


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | bytes) else 8


def _differs(here: Connection, there: Connection, table: _Table) -> bool:
    """Whether the two tables hold other rows, by count and by hash."""
    statement = text(f"SELECT COUNT(*), {table.hash} FROM `{table.name}`")  # noqa: S608
    both = [tuple(connection.execute(statement).one()) for connection in (here, there)]
    for connection in (here, there):
        connection.commit()
    return both[0] != both[1]
