"""The postings table of an index: which term stands how often in which chunk.

Its key is (term, chunk), so that a question reads only its own terms. Each row carries its chunk's
length, so that BM25 needs no join. There is no second key to find a chunk's rows by, which would
double what a chunk costs to write: what leaves is found by analysing its text again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.indexes.analysis import LONGEST_TERM, terms

ROWS_A_STATEMENT = 5_000
PAIRS_A_DELETE = 1_000


@dataclass(frozen=True)
class ChunkTerms:
    """A chunk's terms with how often each stands in it; `length` counts them all."""

    chunk_id: int
    counts: Counter[str]

    @property
    def length(self) -> int:
        return self.counts.total()

    @classmethod
    def of(cls, chunk_id: int, content: str, language: str) -> ChunkTerms:
        return cls(chunk_id, Counter(terms(content, language)))


def postings_table_name(index_id: int) -> str:
    return f"postings_{index_id}"


def create_postings_table(database: Database, index_id: int) -> None:
    with database.engine.begin() as connection:
        connection.execute(
            text(
                f"CREATE TABLE IF NOT EXISTS {postings_table_name(index_id)} ("
                f"term VARCHAR({LONGEST_TERM}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
                "chunk_id BIGINT NOT NULL, tf INT NOT NULL, length INT NOT NULL, "
                "PRIMARY KEY (term, chunk_id) CLUSTERED)"
            )
        )


def add_postings(session: Session, index_id: int, chunks: Iterable[ChunkTerms]) -> None:
    """Write the chunks' postings, in the transaction that writes the chunks."""
    rows = [
        (term, chunk.chunk_id, tf, chunk.length)
        for chunk in chunks
        for term, tf in chunk.counts.items()
    ]
    # By key, so that neighbours in the table are written together.
    rows.sort()
    # The driver's own executemany writes many rows a statement; SQLAlchemy's adds 3 µs a value.
    statement = (
        f"INSERT INTO {postings_table_name(index_id)} "  # noqa: S608 - a number of ours
        "(term, chunk_id, tf, length) VALUES (%s, %s, %s, %s)"
    )
    cursor = session.connection().connection.cursor()
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        cursor.executemany(statement, rows[start : start + ROWS_A_STATEMENT])


def remove_postings(session: Session, index_id: int, chunks: Sequence[ChunkTerms]) -> None:
    """Delete the chunks' postings, in the transaction that deletes the chunks."""
    pairs = [(term, chunk.chunk_id) for chunk in chunks for term in chunk.counts]
    table = postings_table_name(index_id)
    cursor = session.connection().connection.cursor()
    for start in range(0, len(pairs), PAIRS_A_DELETE):
        batch = pairs[start : start + PAIRS_A_DELETE]
        cursor.execute(
            f"DELETE FROM {table} WHERE (term, chunk_id) IN "  # noqa: S608 - a number of ours
            f"({', '.join(['(%s, %s)'] * len(batch))})",
            [value for pair in batch for value in pair],
        )
