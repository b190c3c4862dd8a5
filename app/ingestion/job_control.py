"""What a person does to jobs: pause, resume, cancel, try again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.rights import EVERYTHING, Sight
from app.database.connection import Database
from app.database.tables import now
from app.documents.model import KnowledgeBase
from app.documents.tables import DocumentRow, KnowledgeBaseRow, RevisionRow
from app.errors import JobNotFound, JobNotSteerable, KnowledgeBaseNotFound
from app.indexes.index import Presence
from app.indexes.tables import IndexedRevisionRow
from app.ingestion.job import Job, JobState
from app.ingestion.job_store import JobStore, job_of
from app.ingestion.tables import JobRow

AT_ONCE = 500  # documents that a transaction queues again
UNFINISHED = frozenset({JobState.READY, JobState.RUNNING, JobState.PAUSED})
_AS_IT_IS = {
    JobState.READY: "waits for its turn",
    JobState.RUNNING: "is running",
    JobState.PAUSED: "is paused",
    JobState.SUCCEEDED: "has succeeded",
    JobState.FAILED: "has failed",
    JobState.CANCELLED: "was cancelled",
}


@dataclass(frozen=True)
class JobControl:
    """Whoever works on a job loses it at once, and stops after the batch at hand.

    What was stored stays, so that a job that is resumed or tried again goes on where it was.
    """

    database: Database
    sight: Sight = EVERYTHING

    def pause(self, job_id: int) -> Job:
        """Let the job wait until it is resumed.

        Raises:
            JobNotFound: there is none, or its document was deleted; so the others raise too.
            JobNotSteerable: it has ended.
        """
        return self._change(job_id, UNFINISHED, JobState.PAUSED, "paused")

    def resume(self, job_id: int) -> Job:
        """Let a paused job go on; one that is not paused stays as it is.

        Raises:
            JobNotSteerable: it has ended.
        """

        def go_on(row: JobRow) -> None:
            if row.state == JobState.PAUSED:
                row.state, row.updated_at = JobState.READY, now()

        return self._steer(job_id, UNFINISHED, "resumed", go_on)

    def cancel(self, job_id: int) -> Job:
        """End the job: its document stays as it was, with its older revisions if it has any.

        Raises:
            JobNotSteerable: it has ended.
        """
        return self._change(job_id, UNFINISHED, JobState.CANCELLED, "cancelled")

    def retry(self, job_id: int) -> Job:
        """Queue a job again that failed, was cancelled, or waits before another attempt.

        Raises:
            JobNotSteerable: it succeeded, is being worked on, or a newer job of its document came.
        """
        allowed = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.READY, JobState.PAUSED})
        return self._steer(job_id, allowed, "tried again", _begin_anew)

    def retry_failed(self, base: KnowledgeBase) -> int:
        """Queue again all that failed in a knowledge base; gives how many they are."""

        def begin(session: Session) -> int:
            failed = _locked_jobs(session, base, JobState.FAILED)
            begun = [row for row in failed if _newest_of_a_document(session, row)]
            for row in begun:
                _begin_anew(row)
            return len(begun)

        return self.database.transaction(begin)

    def retry_refused(self, base: KnowledgeBase, index_id: int) -> int:
        """Ingest again what the model of the active index refused; gives how many documents.

        They may be thousands: a transaction takes some of them, and each is taken once.
        """

        def begin(session: Session) -> tuple[int, int]:
            _locked(session, base)
            rows = session.execute(
                select(DocumentRow, RevisionRow)
                .join(IndexedRevisionRow, IndexedRevisionRow.document_id == DocumentRow.id)
                .join(RevisionRow, RevisionRow.id == IndexedRevisionRow.revision_id)
                .where(
                    IndexedRevisionRow.index_id == index_id,
                    IndexedRevisionRow.state == Presence.REFUSED,
                    IndexedRevisionRow.revision_id > last,
                    DocumentRow.deletion == 0,
                )
                .order_by(IndexedRevisionRow.revision_id)
                .limit(AT_ONCE)
            )
            refused = [(document, revision) for document, revision in rows]
            waiting = set(
                session.scalars(
                    select(JobRow.document_id).where(
                        JobRow.document_id.in_([document.id for document, _ in refused]),
                        JobRow.state.in_(UNFINISHED),
                    )
                )
            )
            wanted = [each for each in refused if each[0].id not in waiting]
            JobStore(self.database).add_all(session, wanted)
            return len(wanted), refused[-1][1].id if refused else 0

        begun = last = 0
        while True:
            some, last = self.database.transaction(begin)
            begun += some
            if not last:
                return begun

    def pause_all(self, base: KnowledgeBase) -> None:
        """Let nothing of the knowledge base be ingested until it is resumed, not even what comes.

        Raises:
            KnowledgeBaseNotFound: it was deleted; so `resume_all` raises too.
        """

        def hold(session: Session) -> None:
            row = _locked(session, base)
            row.paused_at = row.paused_at or now()
            for job in _locked_jobs(session, base, JobState.RUNNING):
                job.state, job.owner, job.lease_until = JobState.READY, None, None
                job.attempts, job.updated_at = job.attempts - 1, now()

        self.database.transaction(hold)

    def resume_all(self, base: KnowledgeBase) -> None:
        """Let the knowledge base be ingested again; jobs paused by themselves stay so."""

        def let_go(session: Session) -> None:
            _locked(session, base).paused_at = None

        self.database.transaction(let_go)

    def _change(self, job_id: int, allowed: frozenset[JobState], state: JobState, done: str) -> Job:
        def change(row: JobRow) -> None:
            if row.state == JobState.RUNNING:
                row.attempts -= 1  # it was not the job's fault
            row.state, row.owner, row.lease_until = state, None, None
            row.error, row.remedy, row.updated_at = None, None, now()

        return self._steer(job_id, allowed, done, change)

    def _steer(
        self, job_id: int, allowed: frozenset[JobState], done: str, change: Callable[[JobRow], None]
    ) -> Job:
        def steer(session: Session) -> Job:
            missing = JobNotFound(f"There is no job {job_id}.")
            row = session.get(JobRow, job_id, with_for_update=True)
            if row is None:
                raise missing
            self.sight.check(row.knowledge_base_id, missing)  # before more is asked about it
            document = session.get(DocumentRow, row.document_id)
            if document is None or document.deletion:
                raise missing
            if row.state not in allowed:
                raise JobNotSteerable(
                    f"Job {job_id} {_AS_IT_IS[JobState(row.state)]}: it cannot be {done}."
                )
            if row.state not in UNFINISHED and not _newest_of_a_document(session, row):
                raise JobNotSteerable(f"A newer job of {row.document_name!r} came after {job_id}.")
            change(row)
            session.flush()
            return job_of(row)

        return self.database.transaction(steer)


def _locked_jobs(session: Session, base: KnowledgeBase, state: JobState) -> list[JobRow]:
    """The knowledge base's jobs in that state, found by their keys: see `Database.transaction`."""
    ids = session.scalars(
        select(JobRow.id).where(JobRow.knowledge_base_id == base.id, JobRow.state == state)
    ).all()
    rows = session.scalars(select(JobRow).where(JobRow.id.in_(ids)).with_for_update())
    return [row for row in rows if row.state == state]


def _begin_anew(row: JobRow) -> None:
    row.state, row.attempts, row.not_before = JobState.READY, 0, now()
    row.error, row.remedy, row.updated_at = None, None, now()


def _newest_of_a_document(session: Session, row: JobRow) -> bool:
    """Whether the job's document is there, and nothing was queued for it later."""
    document = session.get(DocumentRow, row.document_id)
    if document is None or document.deletion:
        return False
    later = select(JobRow.id).where(JobRow.document_id == row.document_id, JobRow.id > row.id)
    return session.scalar(later.limit(1)) is None


def _locked(session: Session, base: KnowledgeBase) -> KnowledgeBaseRow:
    row = session.get(KnowledgeBaseRow, base.id, with_for_update=True)
    if row is None or row.deletion:
        raise KnowledgeBaseNotFound(f"There is no knowledge base named {base.name!r}.")
    return row
