"""Signatures of an index's vectors: the sign of each component, one bit each, in a narrow table.

Two vectors that point the same way have few signs that differ, and those a server counts much
faster than it computes cosines: a first pass over `signatures_<index id>` picks the candidates that
are then scored exactly (Charikar 2002, doi:10.1145/509907.509965). What a difference counts depends
on how large the component is in the question's vector, which is known exactly: that finds with 500
candidates what takes 3,000 when all count the same. The table is keyed by chunk, so that a search
filters by revision without a join.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.database.connection import Database

BITS = 64  # of a BIGINT UNSIGNED
COUNTS_FROM = 0.33  # shares of a question's components that are smaller
COUNTS_TWICE_FROM = 0.75


def signature_table_name(index_id: int) -> str:
    return f"signatures_{index_id}"


def signature_columns(dimensions: int) -> list[str]:
    """The columns that hold the signs of a vector of that width, 64 components each."""
    return [f"b{n}" for n in range(-(-dimensions // BITS))]


def signature(vector: Sequence[float]) -> list[int]:
    """The signs of a vector's components, 64 to a number; the last is filled up with zeros."""
    signs = np.asarray(vector) > 0
    padded = np.pad(signs, (0, -len(signs) % BITS))
    words: list[int] = np.packbits(padded).view(">u8").tolist()
    return words


def create_signature_table(database: Database, index_id: int, dimensions: int) -> None:
    columns = ", ".join(f"{c} BIGINT UNSIGNED NOT NULL" for c in signature_columns(dimensions))
    with database.engine.begin() as connection:
        connection.execute(
            text(
                f"CREATE TABLE IF NOT EXISTS {signature_table_name(index_id)} "
                f"(chunk_id BIGINT NOT NULL, {columns}, PRIMARY KEY (chunk_id) CLUSTERED)"
            )
        )


def add_signatures(session: Session, index_id: int, vectors: Mapping[int, Sequence[float]]) -> None:
    """Write the signatures of chunks, by id, in the transaction that writes their vectors."""
    rows = [(chunk_id, *signature(vector)) for chunk_id, vector in vectors.items()]
    values = ", ".join(["%s"] * len(rows[0]))
    # The driver's own executemany writes many rows a statement.
    session.connection().connection.cursor().executemany(
        f"INSERT INTO {signature_table_name(index_id)} VALUES ({values})",  # noqa: S608 - ours
        rows,
    )


def remove_signatures(session: Session, index_id: int, first: int, last: int) -> None:
    """Delete the signatures of chunks `first` to `last`, in the transaction that deletes those."""
    table = signature_table_name(index_id)
    session.execute(
        text(f"DELETE FROM {table} WHERE chunk_id BETWEEN :first AND :last"),  # noqa: S608
        {"first": first, "last": last},
    )


def first_pass(index_id: int, vector: Sequence[float]) -> tuple[str, dict[str, object]]:
    """A SELECT of each `chunk_id` with `far`, how far it is from `vector`, and its values.

    A sign that differs counts 0 among the question's smallest components, 2 among its largest, and
    1 in between; the shares are those that found most on real texts, and not critical.
    """
    sizes = np.abs(np.asarray(vector))
    values: dict[str, object] = {}
    for name, given in (
        ("sign", signature(vector)),
        ("counts", signature(sizes - np.quantile(sizes, COUNTS_FROM))),
        ("twice", signature(sizes - np.quantile(sizes, COUNTS_TWICE_FROM))),
    ):
        values |= {f"{name}{n}": word for n, word in enumerate(given)}
    far = " + ".join(
        f"BIT_COUNT((b{n} ^ :sign{n}) & :{mask}{n})"
        for n in range(len(signature_columns(len(vector))))
        for mask in ("counts", "twice")
    )
    return f"SELECT chunk_id, {far} AS far FROM {signature_table_name(index_id)}", values  # noqa: S608
