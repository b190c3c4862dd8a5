"""TiDB's own full text, on the managed tiers that have it: BM25 over the chunks' column itself.

What it can do is in https://docs.pingcap.com/ai/full-text-search-limitations: one call in WHERE,
none in GROUP BY or HAVING, and no DROP TABLE as long as the index is there.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.indexes.chunk_table import chunk_table_name
from app.indexes.scope import Scope

NAME = "ix_content"
MOST_BETTER = 5_000
"""Matches that are read to count those above a score: the server does not count them itself."""


def create_full_text_index(database: Database, index_id: int) -> bool:
    """Ask for a full-text index of the chunks' text; whether the server makes one."""
    try:
        with database.engine.begin() as connection:
            connection.execute(
                text(
                    f"ALTER TABLE {chunk_table_name(index_id)} ADD FULLTEXT INDEX {NAME} (content) "
                    "WITH PARSER MULTILINGUAL ADD_COLUMNAR_REPLICA_ON_DEMAND"
                )
            )
    except DatabaseError:  # most tiers and regions refuse it, each with a number of its own
        return False
    return True


def drop_full_text_index(database: Database, index_id: int) -> None:
    """Drop it, if it is there: the table could not be dropped before."""
    there = database.transaction(lambda session: has_full_text_index(session, index_id))
    if there:
        with database.engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE {chunk_table_name(index_id)} DROP INDEX {NAME}"))


def has_full_text_index(session: Session, index_id: int) -> bool:
    found = session.scalar(
        text(
            "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() "
            "AND table_name = :table AND index_type = 'FULLTEXT'"
        ),
        {"table": chunk_table_name(index_id)},
    )
    return bool(found)


def best_by_full_text(
    session: Session, index_id: int, words: str, scope: Scope, limit: int
) -> dict[int, float]:
    """The `limit` chunks that match best, with their BM25 scores, best first."""
    rows = session.execute(
        text(
            "SELECT id, FTS_MATCH_WORD(:words, content) AS score "  # noqa: S608 - numbers of ours
            f"FROM {chunk_table_name(index_id)} WHERE FTS_MATCH_WORD(:words, content)"
            f"{scope.clause('revision_id', 'id')} "
            "ORDER BY FTS_MATCH_WORD(:words, content) DESC LIMIT :most"
        ),
        {"words": words, "most": limit},
    )
    found = [(int(chunk), float(score)) for chunk, score in rows]
    # The id settles ties, so that the same question always gives the same order.
    return dict(sorted(found, key=lambda one: (-one[1], one[0])))


def better_by_full_text(
    session: Session, index_id: int, words: str, scope: Scope, score: float
) -> int:
    """How many of the chunks that match have a higher score, as far as they are counted."""
    found = best_by_full_text(session, index_id, words, scope, MOST_BETTER)
    return sum(one > score + 1e-9 for one in found.values())
