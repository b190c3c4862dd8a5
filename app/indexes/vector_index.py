"""The HNSW index of an index's vectors, which only a server with TiFlash can hold."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.indexes.chunk_table import chunk_table_name
from app.indexes.index import Index

USED = "annIndex:"  # what EXPLAIN says of a scan that goes by a vector index


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
