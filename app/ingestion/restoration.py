"""Bringing deleted documents back, for as long as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.rights import EVERYTHING, Sight
from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.model import KnowledgeBase
from app.documents.names import checked_document_name
from app.documents.tables import DocumentRow, KnowledgeBaseRow, RevisionRow
from app.errors import DocumentExists, DocumentNotFound
from app.indexes.chunks import stored_chunks
from app.indexes.index import BUILT, IndexState, Presence
from app.indexes.tables import IndexedRevisionRow, IndexRow
from app.ingestion.job import JobState
from app.ingestion.job_store import JobStore
from app.ingestion.tables import JobRow


@dataclass(frozen=True)
class DeletedDocument:
    """A document that can be brought back until `kept_until`."""

    id: int
    name: str
    deleted_at: datetime
    kept_until: datetime


@dataclass(frozen=True)
class Restored:
    """A document that is there again; `job_ids` put what was cleared of it back into searches."""

    document_id: int
    document_name: str
    job_ids: tuple[int, ...]


@dataclass(frozen=True)
class Restoration:
    """Of documents in the knowledge bases of `sight`, until `kept` after their deletion."""

    database: Database
    jobs: JobStore
    kept: timedelta
    sight: Sight = EVERYTHING

    def deleted(
        self, base: KnowledgeBase, *, offset: int = 0, limit: int = 100
    ) -> tuple[DeletedDocument, ...]:
        """The documents that can be brought back, those deleted last first."""

        def read(session: Session) -> tuple[DeletedDocument, ...]:
            rows = session.scalars(
                select(DocumentRow)
                .where(self._kept(base.id))
                .order_by(DocumentRow.deleted_at.desc(), DocumentRow.id.desc())
                .offset(offset)
                .limit(limit)
            )
            return tuple(self._deleted(row) for row in rows)

        return self.database.transaction(read)

    def count(self, base: KnowledgeBase) -> int:
        """How many documents can be brought back."""

        def read(session: Session) -> int:
            kept = select(func.count()).select_from(DocumentRow).where(self._kept(base.id))
            return session.scalar(kept) or 0

        return self.database.transaction(read)

    def restore(self, base: KnowledgeBase, document_id: int, name: str | None = None) -> Restored:
        """Let a deleted document be there again, as it was, under `name` if one is given.

        It can be read at once, and found at once too where its chunks have not been cleared; else
        jobs are queued that store them again from its text. So is what its deletion had cancelled.

        Raises:
            DocumentNotFound: it is not in `base`, was not deleted, or is not kept any more.
            DocumentExists: another document has its name by now.
            InvalidName: `name` cannot name a document.
        """
        self.sight.check(base.id, _missing(document_id))
        if name is not None:
            checked_document_name(name)

        def bring_back(session: Session) -> Restored:
            document = session.get(DocumentRow, document_id, with_for_update=True)
            held = session.get(KnowledgeBaseRow, base.id, with_for_update=True)
            if (
                document is None
                or document.knowledge_base_id != base.id
                or document.deleted_at is None
                or document.deleted_at < now() - self.kept
                or held is None
                or held.deletion
            ):
                raise _missing(document_id)
            deleted_at = document.deleted_at
            document.name = name or document.name
            document.deletion, document.deleted_at = 0, None
            session.flush()  # where another has the name, here
            wanted = []
            if document.current_revision_id and not _show_again(
                session, base.id, document.current_revision_id
            ):
                wanted.append(session.get_one(RevisionRow, document.current_revision_id))
            wanted += _cancelled(session, document, deleted_at)
            jobs = [self.jobs.add(session, document, revision).id for revision in wanted]
            return Restored(document.id, document.name, tuple(jobs))

        try:
            return self.database.transaction(bring_back)
        except IntegrityError as taken:
            raise DocumentExists(
                "Another document has its name by now.",
                remedy="Bring it back under another name, or rename or delete the other one.",
            ) from taken

    def _kept(self, knowledge_base_id: int) -> ColumnElement[bool]:
        kept = DocumentRow.deleted_at >= now() - self.kept
        return kept & (DocumentRow.knowledge_base_id == knowledge_base_id)

    def _deleted(self, row: DocumentRow) -> DeletedDocument:
        at = with_zone(row.deleted_at or now())
        return DeletedDocument(row.id, row.name, at, at + self.kept)


def _missing(document_id: int) -> DocumentNotFound:
    return DocumentNotFound(
        f"There is no deleted document {document_id} that could be brought back.",
        remedy="List the deleted documents to see which are still kept, or upload its file again.",
    )


def _show_again(session: Session, knowledge_base_id: int, revision_id: int) -> bool:
    """Let searches find a revision again; False where the active index has lost some of it."""
    shown = False
    indexes = session.scalars(
        select(IndexRow)
        .where(
            IndexRow.knowledge_base_id == knowledge_base_id, IndexRow.state != IndexState.DROPPED
        )
        .order_by(IndexRow.id)
        .with_for_update()
    )
    for index in indexes:
        index.version += 1
        row = session.get(IndexedRevisionRow, (index.id, revision_id), with_for_update=True)
        if row is not None and stored_chunks(session, index.id, revision_id) == row.chunks:
            row.state, row.changed_at = Presence.LIVE, now()
            shown = shown or index.state == IndexState.ACTIVE
        elif index.state in BUILT:
            index.state = IndexState.BUILDING  # and it is given the revision
    return shown


def _cancelled(session: Session, document: DocumentRow, deleted_at: datetime) -> list[RevisionRow]:
    """The newest revision, where its ingest ended because the document was deleted."""
    newest = session.scalar(
        select(RevisionRow)
        .where(RevisionRow.document_id == document.id)
        .order_by(RevisionRow.number.desc())
        .limit(1)
    )
    if newest is None or newest.id == document.current_revision_id:
        return []
    job = session.scalar(
        select(JobRow).where(JobRow.revision_id == newest.id).order_by(JobRow.id.desc()).limit(1)
    )
    ended_by_deletion = (
        job is not None and job.state == JobState.CANCELLED and job.updated_at >= deleted_at
    )
    return [newest] if job is None or ended_by_deletion else []
