"""Where a chunk truly stands in each half's ranking, however far below what a search reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.indexes.chunk_table import chunk_table_name
from app.indexes.index import Index
from app.indexes.keyword_search import KeywordSearch
from app.indexes.scope import Scope, Within


@dataclass(frozen=True)
class TrueRank:
    database: Database
    words: KeywordSearch

    def by_meaning(
        self, index: Index, vector: Sequence[float], similarity: float, within: Within
    ) -> int:
        """The rank, from 1, of a chunk of that similarity: one more than there are nearer ones."""

        def count(session: Session) -> int:
            scope = Scope.of(session, index.id, within)
            nearer = session.scalar(
                text(
                    f"SELECT COUNT(*) FROM {chunk_table_name(index.id)} "  # noqa: S608
                    "WHERE VEC_COSINE_DISTANCE(embedding, :vector) < :distance - 1e-9"
                    f"{scope.clause('revision_id', 'id')}"
                ),
                {"vector": str(list(vector)), "distance": 1.0 - similarity},
            )
            return 1 + int(nearer or 0)

        return self.database.transaction(count)

    def by_words(self, index: Index, question: str, score: float, within: Within) -> int:
        """The rank, from 1, of a chunk of that BM25 score: one more than there are better ones."""
        return 1 + self.words.better(index, question, score, within)
