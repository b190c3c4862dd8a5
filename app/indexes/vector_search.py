"""Vector search of an index through pytidb: exact, over what is current, in one snapshot."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.database.connection import Database
from app.embedding.embedder import Embedder
from app.indexes.chunk_table import chunk_table
from app.indexes.index import Index
from app.indexes.scope import Scope

AT_ONCE = 4
"""Vector queries of one process at a time: TiDB keeps each one's scan outside its memory quota."""


@dataclass(frozen=True)
class Neighbour:
    """A chunk found by meaning; `similarity` is the cosine, from -1 to 1."""

    chunk_id: int
    similarity: float


@dataclass(frozen=True)
class VectorSearch:
    database: Database
    gate: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(AT_ONCE)
    )

    def nearest(
        self,
        index: Index,
        embedder: Embedder,
        vector: Sequence[float],
        limit: int,
        document_ids: Sequence[int] = (),
    ) -> tuple[Neighbour, ...]:
        """The `limit` chunks nearest to `vector` by cosine, nearest first.

        Only chunks of current revisions are looked at, and of `document_ids` where there are any.
        """
        table = chunk_table(self.database.client, index.id, embedder.function)

        def search(session: Session) -> tuple[Neighbour, ...]:
            rows = (
                table.search(list(vector))
                # Before the cut, never after it: a filter after it can lose every match.
                .filter(Scope.of(session, index.id, document_ids).filter(), prefilter=True)
                # Not `skip_null_vectors()`: the scan would then compute each distance twice. A
                # vector of zeros, which alone has none, is refused before it is stored.
                .limit(limit)
                .to_rows()
            )
            found = [Neighbour(chunk.id, 1.0 - float(distance)) for chunk, distance, _ in rows]
            # The id settles ties, so that the same question always gives the same order.
            return tuple(sorted(found, key=lambda one: (-one.similarity, one.chunk_id)))

        with self.gate:
            return self.database.transaction(search)
