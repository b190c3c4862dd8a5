"""Vector search of an index through pytidb: exact, over what is current, in one snapshot."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import with_zone
from app.documents.tables import DocumentRow, RevisionRow
from app.embedding.embedder import Embedder
from app.indexes.chunk_table import chunk_table
from app.indexes.index import Hit, Index, Presence
from app.indexes.tables import IndexedRevisionRow

AT_ONCE = 4
"""Vector queries of one process at a time: TiDB keeps each one's scan outside its memory quota."""


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
    ) -> tuple[Hit, ...]:
        """The `limit` chunks nearest to `vector` by cosine, nearest first.

        Only chunks of current revisions are looked at, and of `document_ids` where there are any.
        All is read from one snapshot: a document that is swapped meanwhile is found in its old
        state or in its new one.
        """
        table = chunk_table(self.database.client, index.id, embedder.function)

        def search(session: Session) -> tuple[Hit, ...]:
            nearest = (
                table.search(list(vector))
                # Before the cut, never after it: a filter after it can lose every match.
                .filter(_filter(session, index.id, document_ids), prefilter=True)
                .skip_null_vectors()
                .limit(limit)
                .to_rows()
            )
            distances = {hit.id: float(distance) for hit, distance, _score in nearest}
            return _hits(session, table.table_model.__table__.c, distances)

        with self.gate:
            return self.database.transaction(search)


def _filter(
    session: Session, index_id: int, document_ids: Sequence[int]
) -> dict[str, dict[str, list[int]]] | None:
    not_current = list(
        session.scalars(
            select(IndexedRevisionRow.revision_id).where(
                IndexedRevisionRow.index_id == index_id,
                IndexedRevisionRow.state.in_([Presence.STAGED, Presence.LEAVING]),
            )
        )
    )
    wanted: dict[str, dict[str, list[int]]] = {}
    if not_current:
        wanted["revision_id"] = {"$nin": not_current}
    if document_ids:
        wanted["document_id"] = {"$in": list(document_ids)}
    return wanted or None  # to pytidb an empty condition matches everything


def _hits(session: Session, chunk: Any, distances: dict[int, float]) -> tuple[Hit, ...]:  # noqa: ANN401
    if not distances:
        return ()
    rows = session.execute(
        select(
            chunk.id,
            chunk.document_id,
            DocumentRow.name,
            RevisionRow.title,
            chunk.revision_id,
            RevisionRow.created_at,
            chunk.start,
            chunk.end,
            chunk.content,
            chunk.section_path,
            chunk.page,
        )
        .join(DocumentRow, DocumentRow.id == chunk.document_id)
        .join(RevisionRow, RevisionRow.id == chunk.revision_id)
        .where(chunk.id.in_(distances))
    )
    hits = [
        Hit(
            chunk_id=row[0],
            distance=distances[row[0]],
            document_id=row[1],
            document_name=row[2],
            title=row[3],
            revision_id=row[4],
            revision_created_at=with_zone(row[5]),
            start=row[6],
            end=row[7],
            text=row[8],
            section_path=tuple(json.loads(row[9])),
            page=row[10],
        )
        for row in rows
    ]
    # The id settles ties, so that the same question always gives the same order.
    return tuple(sorted(hits, key=lambda hit: (hit.distance, hit.chunk_id)))
