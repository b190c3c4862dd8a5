"""The chunks that searches found, with their documents, for people and models to read."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import with_zone
from app.documents.contents import read_text
from app.documents.tables import DocumentRow, RevisionRow
from app.embedding.embedder import Embedder
from app.indexes.chunk_table import chunk_table
from app.indexes.index import Hit, Index, Presence
from app.indexes.tables import IndexedRevisionRow


@dataclass(frozen=True)
class HitReader:
    database: Database

    def stretches(self, places: Sequence[tuple[int, int, int]]) -> list[str]:
        """The texts at places: a revision's id, and `[start, end)` in its characters."""

        def read(session: Session) -> list[str]:
            return [read_text(session, *place) for place in places]

        return self.database.transaction(read) if places else []

    def read(self, index: Index, embedder: Embedder, chunk_ids: Collection[int]) -> dict[int, Hit]:
        """The chunks of those ids, by id, as far as they are still live."""
        if not chunk_ids:
            return {}
        model = chunk_table(self.database.client, index.id, embedder.function).table_model
        chunk = model.__table__.c
        statement = (
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
                IndexedRevisionRow.language,
            )
            .join(DocumentRow, DocumentRow.id == chunk.document_id)
            .join(RevisionRow, RevisionRow.id == chunk.revision_id)
            .join(
                IndexedRevisionRow,
                (IndexedRevisionRow.revision_id == chunk.revision_id)
                & (IndexedRevisionRow.index_id == index.id),
            )
            .where(chunk.id.in_(chunk_ids), IndexedRevisionRow.state == Presence.LIVE)
        )
        return {
            row[0]: Hit(
                chunk_id=row[0],
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
                language=row[11],
            )
            for row in self.database.read(statement)
        }
