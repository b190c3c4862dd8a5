"""Deleting a document: out of sight and out of every search in one commit."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from app.access.rights import EVERYTHING, Sight
from app.database.connection import Database
from app.database.tables import now
from app.documents.tables import DocumentRow, KnowledgeBaseRow
from app.errors import DocumentNotFound
from app.indexes.index import IndexState, Presence
from app.indexes.tables import IndexedRevisionRow, IndexRow
from app.ingestion.job import JobState
from app.ingestion.tables import JobRow


@dataclass(frozen=True)
class Deletion:
    """Of documents in the knowledge bases of `sight`."""

    database: Database
    sight: Sight = EVERYTHING

    def delete(self, document_id: int) -> None:
        """Hide the document and end its jobs; `Clearing` removes later what it owned.

        Raises:
            DocumentNotFound: it is not there, or was deleted already.
        """

        def hide(session: Session) -> None:
            document = session.get(DocumentRow, document_id, with_for_update=True)
            base = document and session.get(KnowledgeBaseRow, document.knowledge_base_id)
            missing = DocumentNotFound(f"There is no document {document_id}.")
            if document is None or document.deletion or base is None or base.deletion:
                raise missing
            self.sight.check(base.id, missing)
            document.deletion = document.id
            document.deleted_at = now()
            # By their keys, lest a rival's change be lost: see `Database.transaction`; and before
            # what they hold, as builds lock them.
            indexes = session.scalars(
                select(IndexRow.id).where(IndexRow.knowledge_base_id == base.id)
            )
            session.execute(
                update(IndexRow)
                .where(IndexRow.id.in_(indexes.all()))
                .values(
                    version=IndexRow.version + 1,
                    # It may have lacked this document only.
                    state=case(
                        (IndexRow.state == IndexState.INCOMPLETE, IndexState.BUILDING),
                        else_=IndexRow.state,
                    ),
                )
            )
            session.execute(
                update(IndexedRevisionRow)
                .where(IndexedRevisionRow.document_id == document_id)
                .values(state=Presence.LEAVING, changed_at=now())
            )
            jobs = session.scalars(select(JobRow.id).where(JobRow.document_id == document_id))
            session.execute(
                update(JobRow)
                .where(
                    JobRow.id.in_(jobs.all()),
                    JobRow.state.in_([JobState.READY, JobState.RUNNING, JobState.PAUSED]),
                )
                .values(
                    state=JobState.CANCELLED,
                    owner=None,
                    lease_until=None,
                    error=None,
                    remedy=None,
                    updated_at=now(),
                )
            )

        self.database.transaction(hide)
