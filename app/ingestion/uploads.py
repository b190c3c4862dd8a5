"""Taking in a document's bytes: once they are acknowledged, nothing loses them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now
from app.documents.contents import BLOB_PART, add_blob_part, add_texts
from app.documents.labels import Labels, add_labels
from app.documents.model import KnowledgeBase, ParsedText
from app.documents.names import checked_document_name
from app.documents.tables import DocumentRow, KnowledgeBaseRow, RevisionRow
from app.errors import DocumentTooLarge, EmptyDocument, KnowledgeBaseNotFound
from app.ingestion.job import JobState
from app.ingestion.job_store import JobStore
from app.ingestion.tables import JobRow

MB = 1_000_000
NO_LABELS = Labels()
UNKNOWN_MEDIA_TYPE = "application/octet-stream"  # until the parser has looked at the content


@dataclass(frozen=True)
class Receipt:
    """What became of an upload: the job that ingests it, or None where there is nothing to do."""

    document_id: int
    document_name: str
    job_id: int | None

    @property
    def unchanged(self) -> bool:
        """The document has these very bytes already."""
        return self.job_id is None


@dataclass(frozen=True)
class Reading:
    """What a parser, here or elsewhere, made of a document's bytes.

    `wait` is how long the ingest may be held back for what is brought along beside it.
    """

    text: ParsedText
    media_type: str
    parser: str
    wait: timedelta


@dataclass(frozen=True)
class _Content:
    """A file's bytes, in parts, with their number and their SHA-256."""

    parts: list[bytes]
    size: int
    hash: str


@dataclass(frozen=True)
class Uploads:
    database: Database
    jobs: JobStore
    max_megabytes: int

    def receive(
        self,
        base: KnowledgeBase,
        name: str,
        content: Iterable[bytes],
        labels: Labels = NO_LABELS,
        read: Reading | None = None,
    ) -> Receipt:
        """Store `content` as the next revision of the document `name`, and queue its ingest.

        The bytes are durable, and the job is queued, when this returns. The same bytes as the
        document's newest revision are not stored again. `labels` join those that the document has.
        What has been `read` out of the bytes already is not read again, and its job waits a while.

        Raises:
            InvalidName: `name` cannot name a document.
            EmptyDocument, DocumentTooLarge: before anything is stored.
        """
        checked_document_name(name)
        whole = self._read(name, content)
        for _ in range(3):
            try:
                return self._store(base, name, whole, labels, read)
            except IntegrityError:
                continue  # somebody uploads the same new name at this moment: it is there now
        return self._store(base, name, whole, labels, read)

    def _read(self, name: str, content: Iterable[bytes]) -> _Content:
        digest, size, parts = hashlib.sha256(), 0, []
        for part in _parts(content):
            size += len(part)
            if size > self.max_megabytes * MB:
                raise DocumentTooLarge(f"{name!r} is larger than {self.max_megabytes} MB.")
            digest.update(part)
            parts.append(part)
        if size == 0:
            raise EmptyDocument(f"{name!r} is empty: it has 0 bytes.")
        return _Content(parts, size, digest.hexdigest())

    def _store(
        self,
        base: KnowledgeBase,
        name: str,
        content: _Content,
        labels: Labels,
        read: Reading | None,
    ) -> Receipt:
        """One transaction: TiDB takes up to 100 MB of changes in one, more where it is set so."""

        def store(session: Session) -> Receipt:
            present = session.get(KnowledgeBaseRow, base.id)
            if present is None or present.deletion:
                raise KnowledgeBaseNotFound(f"There is no knowledge base named {base.name!r}.")
            document = _locked_document(session, base.id, name)
            if labels:
                add_labels(session, document, labels)
            newest = _newest_revision(session, document.id)
            if newest is not None and newest.content_hash == content.hash:
                job = _last_job(session, newest.id)
                if job is not None and job.state in {JobState.FAILED, JobState.CANCELLED}:
                    again = self.jobs.add(session, document, newest)
                    return Receipt(document.id, name, again.id)
                if job is not None and job.state == JobState.PAUSED:
                    job.state, job.updated_at = JobState.READY, now()  # it is wanted after all
                going = job is not None and job.state != JobState.SUCCEEDED
                return Receipt(document.id, name, job.id if job and going else None)
            revision = RevisionRow(
                document_id=document.id,
                number=newest.number + 1 if newest else 1,
                content_hash=content.hash,
                size=content.size,
                media_type=UNKNOWN_MEDIA_TYPE,
                created_at=now(),
            )
            session.add(revision)
            session.flush()
            for number, part in enumerate(content.parts):
                add_blob_part(session, revision.id, number, part)
            if read is not None:
                add_texts(session, [(revision.id, read.text, read.media_type, read.parser)])
            job = self.jobs.add(session, document, revision, read.wait if read else timedelta(0))
            return Receipt(document.id, name, job.id)

        return self.database.transaction(store)


def _locked_document(session: Session, knowledge_base_id: int, name: str) -> DocumentRow:
    document = session.scalar(
        select(DocumentRow)
        .where(
            DocumentRow.knowledge_base_id == knowledge_base_id,
            DocumentRow.name == name,
            DocumentRow.deletion == 0,
        )
        .with_for_update()
    )
    if document is None:
        document = DocumentRow(
            knowledge_base_id=knowledge_base_id,
            name=name,
            deletion=0,
            created_at=now(),
            updated_at=now(),
        )
        session.add(document)
        session.flush()
    return document


def _newest_revision(session: Session, document_id: int) -> RevisionRow | None:
    return session.scalar(
        select(RevisionRow)
        .where(RevisionRow.document_id == document_id)
        .order_by(RevisionRow.number.desc())
        .limit(1)
        .with_for_update()  # the newest of all, not of this transaction's snapshot
    )


def _last_job(session: Session, revision_id: int) -> JobRow | None:
    return session.scalar(
        select(JobRow).where(JobRow.revision_id == revision_id).order_by(JobRow.id.desc()).limit(1)
    )


def _parts(content: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of `BLOB_PART`, however they come."""
    pending = bytearray()
    for piece in content:
        pending += piece
        while len(pending) >= BLOB_PART:
            yield bytes(pending[:BLOB_PART])
            del pending[:BLOB_PART]
    if pending:
        yield bytes(pending)
