"""The HNSW index of an index's vectors, which only a server with TiFlash can hold."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.indexes.chunk_table import chunk_table_name
from app.indexes.index import Index

USED = "annIndex:COSINE"  # what EXPLAIN says of a scan that goes by an index of this distance

_REPLICA = text(
    "SELECT available, progress FROM information_schema.tiflash_replica "
    "WHERE table_schema = DATABASE() AND table_name = :name"
)
_INDEXED = text(
    "SELECT COALESCE(SUM(rows_stable_indexed), 0), COALESCE(SUM(rows_stable_not_indexed), 0), "
    "COALESCE(SUM(rows_delta_not_indexed), 0), COALESCE(MAX(error_message), '') "
    "FROM information_schema.tiflash_indexes "
    "WHERE tidb_database = DATABASE() AND tidb_table = :name AND column_name = 'embedding'"
)


@dataclass(frozen=True)
class VectorIndexProgress:
    """How far TiFlash is with an index's columnar replica, and with the HNSW index on it.

    `replica` is the share that is copied, from 0 to 1. `recent` rows wait in memory to be merged:
    a search looks through them exactly.
    """

    available: bool
    replica: float
    indexed: int
    waiting: int
    recent: int
    error: str = ""

    @property
    def ready(self) -> bool:
        """Whether searches go by the vector index."""
        return self.copied and not self.waiting and not self.error

    @property
    def copied(self) -> bool:
        """Whether the replica is there and whole: one that lags behind lets searches wait for it.

        The server says for good that it is available once it has been so.
        """
        return self.available and self.replica >= 1

    @property
    def told(self) -> str:
        """How far it is, in words."""
        if self.error:
            return f"TiFlash cannot build the vector index: {self.error}"
        if not self.copied:
            return f"TiFlash has copied {self.replica:.0%} of the rows"
        if self.waiting:
            return f"{self.waiting:,} of {self.waiting + self.indexed:,} rows lack the vector index"
        return f"the vector index has {self.indexed:,} rows, and {self.recent:,} are new"


def vector_index_progress(session: Session, index_id: int) -> VectorIndexProgress:
    """What the server says of the index's replica and its vector index."""
    name = {"name": chunk_table_name(index_id)}
    replica = session.execute(_REPLICA, name).first()
    indexed, waiting, recent, error = session.execute(_INDEXED, name).one()
    return VectorIndexProgress(
        available=bool(replica and replica[0]),
        replica=float(replica[1]) if replica else 0.0,
        indexed=int(indexed),
        waiting=int(waiting),
        recent=int(recent),
        error=str(error or ""),
    )


def merge_recent_rows(database: Database, index_id: int) -> None:
    """Let TiFlash put the rows that it holds in memory where its vector index takes them in."""
    with database.engine.begin() as connection:
        connection.execute(
            text(f"ALTER TABLE {chunk_table_name(index_id)} COMPACT TIFLASH REPLICA")
        )


def create_vector_index(database: Database, index_id: int) -> None:
    """Ask for a columnar replica and an HNSW index by cosine; TiFlash builds both by and by.

    The server refuses it without TiFlash (errors 1105 and 8200).
    """
    table = chunk_table_name(index_id)
    with database.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} SET TIFLASH REPLICA 1"))
        connection.execute(
            text(
                f"ALTER TABLE {table} ADD VECTOR INDEX IF NOT EXISTS ix_embedding "
                "((VEC_COSINE_DISTANCE(embedding))) USING HNSW"
            )
        )


def has_vector_index(session: Session, index: Index) -> bool:
    """Whether the server would find nearest vectors by HNSW: as it says itself, in EXPLAIN."""
    vector = str([1.0] + [0.0] * (index.recipe.dimensions - 1))
    rows = session.execute(
        text(
            "EXPLAIN SELECT id, VEC_COSINE_DISTANCE(embedding, :vector) AS distance "  # noqa: S608
            f"FROM {chunk_table_name(index.id)} ORDER BY distance LIMIT 10"
        ),
        {"vector": vector},
    )
    return any(USED in str(value) for row in rows for value in row)
