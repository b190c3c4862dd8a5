"""Documents that an index lacks, because its model refuses them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now
from app.documents.tables import DocumentRow
from app.errors import TidemarkError
from app.indexes.index import Presence
from app.indexes.tables import IndexedRevisionRow


@dataclass(frozen=True)
class RefusedDocument:
    """A document whose current revision an index does not hold; `error` says why."""

    document_id: int
    revision_id: int
    name: str
    error: str
    remedy: str


@dataclass(frozen=True)
class Refusals:
    """Reads what indexes lack."""

    database: Database

    def of(
        self, index_id: int, *, offset: int = 0, limit: int = 100
    ) -> tuple[RefusedDocument, ...]:
        """The documents that the index's model refused, by name."""

        def read(session: Session) -> tuple[RefusedDocument, ...]:
            rows = session.execute(
                select(IndexedRevisionRow, DocumentRow.name)
                .join(DocumentRow, DocumentRow.id == IndexedRevisionRow.document_id)
                .where(
                    IndexedRevisionRow.index_id == index_id,
                    IndexedRevisionRow.state == Presence.REFUSED,
                )
                .order_by(DocumentRow.name, DocumentRow.id)
                .offset(offset)
                .limit(limit)
            )
            return tuple(
                RefusedDocument(
                    row.document_id, row.revision_id, name, row.error or "", row.remedy or ""
                )
                for row, name in rows
            )

        return self.database.transaction(read)


def refused_revisions(
    session: Session, index_id: int, among: Collection[int] | None = None
) -> list[int]:
    """The revisions that the index's model refused, of all or of those `among` which to look."""
    wanted = select(IndexedRevisionRow.revision_id).where(
        IndexedRevisionRow.index_id == index_id, IndexedRevisionRow.state == Presence.REFUSED
    )
    if among is not None:
        wanted = wanted.where(IndexedRevisionRow.revision_id.in_(among))
    return list(session.scalars(wanted))


def note_refused(session: Session, index_id: int, revision_id: int, error: TidemarkError) -> None:
    """Let a revision that was staged be refused, if it is its document's current one.

    One that is not has left meanwhile, or never came.
    """
    row = session.get(IndexedRevisionRow, (index_id, revision_id))
    if row is None:
        return
    document = session.get(DocumentRow, row.document_id, with_for_update=True)
    row = session.get(IndexedRevisionRow, (index_id, revision_id), with_for_update=True)
    current = document is not None and document.current_revision_id == revision_id
    if row is not None and row.state == Presence.STAGED and current:
        row.state, row.changed_at = Presence.REFUSED, now()
        row.error, row.remedy = error.message, error.remedy


def told_refused(lacking: int) -> str:
    """As the middle of a sentence."""
    return "its model refuses " + ("1 document" if lacking == 1 else f"{lacking:,} documents")
