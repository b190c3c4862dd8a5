"""Giving a document another name: it stays the same document, with all that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.rights import EVERYTHING, Sight
from app.database.connection import Database
from app.database.tables import now
from app.documents.names import checked_document_name
from app.documents.tables import DocumentRow, KnowledgeBaseRow
from app.errors import DocumentExists, DocumentNotFound
from app.indexes.tables import IndexRow
from app.ingestion.tables import JobRow


@dataclass(frozen=True)
class Renaming:
    """Of documents in the knowledge bases of `sight`."""

    database: Database
    sight: Sight = EVERYTHING

    def rename(self, document_id: int, name: str) -> None:
        """Let `name` be the document's name from now on, its jobs' too.

        Raises:
            DocumentNotFound: it is not there, or was deleted.
            DocumentExists: another document of the knowledge base has that name.
            InvalidName: `name` cannot name a document.
        """
        checked_document_name(name)

        def write(session: Session) -> None:
            document = session.get(DocumentRow, document_id, with_for_update=True)
            base = document and session.get(KnowledgeBaseRow, document.knowledge_base_id)
            missing = DocumentNotFound(f"There is no document {document_id}.")
            if document is None or document.deletion or base is None or base.deletion:
                raise missing
            self.sight.check(base.id, missing)
            if document.name == name:
                return
            document.name, document.updated_at = name, now()
            session.flush()  # where another has the name, here
            # What was found is kept until the index changes, and names its documents.
            indexes = session.scalars(
                select(IndexRow.id).where(IndexRow.knowledge_base_id == base.id)
            )
            session.execute(
                update(IndexRow)
                .where(IndexRow.id.in_(indexes.all()))
                .values(version=IndexRow.version + 1)
            )
            jobs = session.scalars(select(JobRow.id).where(JobRow.document_id == document_id))
            session.execute(
                update(JobRow)
                .where(JobRow.id.in_(jobs.all()))
                .values(document_name=name, updated_at=JobRow.updated_at)
            )

        try:
            self.database.transaction(write)
        except IntegrityError as taken:
            raise DocumentExists(f"There is a document named {name[:80]!r} already.") from taken
