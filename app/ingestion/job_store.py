"""The queue of jobs in TiDB: leased rows, claimed by a row count since TiDB has no SKIP LOCKED."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from app.access.rights import EVERYTHING, Sight
from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.tables import DocumentRow, KnowledgeBaseRow, RevisionRow
from app.errors import JobNotFound, TidemarkError
from app.ingestion.job import Job, JobStage, JobState
from app.ingestion.leases import Claim, held
from app.ingestion.tables import JobRow
from app.telemetry import DOCUMENTS

LEASE = timedelta(seconds=90)
"""How long a worker may be silent before its jobs are given to another."""
ATTEMPTS = 5
FIRST_PAUSE = timedelta(seconds=5)  # before the second attempt; four times as long each time
SMALL = 500_000  # bytes; what is larger lets small ones go first
OLDEST_FIRST = 0.25  # of all claims: so whatever waits has its turn in the end


@dataclass(frozen=True)
class JobStore:
    """The queue; of its jobs, those are told of that belong to the knowledge bases of `sight`.

    `lot` gives numbers in [0, 1), by which claims are shared out.
    """

    database: Database
    sight: Sight = EVERYTHING
    lot: Callable[[], float] = random.random

    def add(
        self,
        session: Session,
        document: DocumentRow,
        revision: RevisionRow,
        wait: timedelta = timedelta(0),
    ) -> JobRow:
        """Queue the ingest of a revision, in the transaction that makes the revision.

        No worker takes it before `wait` is over.
        """
        row = JobRow(**_ingest_of(document, revision, wait))
        session.add(row)
        session.flush()
        return row

    def add_all(self, session: Session, wanted: Sequence[tuple[DocumentRow, RevisionRow]]) -> None:
        """As `add`, of many, whose ids nobody asks for: in few statements."""
        if wanted:
            session.execute(insert(JobRow), [_ingest_of(*each) for each in wanted])

    def release_early(self, job_id: int) -> None:
        """Let a job that was queued to wait be taken now."""

        def let_go(session: Session) -> None:
            row = session.get(JobRow, job_id, with_for_update=True)
            if row is not None and row.state == JobState.READY:
                row.not_before = now()

        self.database.transaction(let_go)

    def claim(self, most: int, most_bytes: int) -> Claim | None:
        """Take up to `most` jobs of one knowledge base, `most_bytes` of originals in all (or one).

        The small and the new come first, so that who uploads one file need not wait for another's
        ten thousand; but a quarter of all claims take what has waited longest. Jobs whose worker
        fell silent are taken like ready ones; at the third time each for itself, lest the one that
        ends workers takes the others with it. None when nothing waits.
        """
        owner = secrets.token_hex(16)

        def take(session: Session) -> Claim | None:
            free = _free(now())
            paused = select(KnowledgeBaseRow.id).where(KnowledgeBaseRow.paused_at.is_not(None))
            waiting = session.scalars(
                select(JobRow.knowledge_base_id)
                .where(free, JobRow.knowledge_base_id.not_in(paused))
                .distinct()
                .limit(100)
            ).all()
            if not waiting:
                return None
            # By lot, so that one team's thousand uploads don't hold up another's single one.
            chosen = waiting[int(self.lot() * len(waiting))]
            base = session.get(KnowledgeBaseRow, chosen, with_for_update=True)
            if base is not None and base.paused_at is not None:  # since the snapshot
                return Claim(owner, ())
            newest_first = (JobRow.size > SMALL, JobRow.id.desc())
            order = newest_first if self.lot() >= OLDEST_FIRST else (JobRow.id,)
            ids: list[int] = []
            size = 0
            candidates = session.execute(
                select(JobRow.id, JobRow.size, JobRow.attempts, JobRow.state)
                .where(free, JobRow.knowledge_base_id == chosen)
                .order_by(*order)
                .limit(most)
            )
            for job_id, job_size, attempts, state in candidates:
                alone = state == JobState.RUNNING and attempts > 1
                size += job_size
                if ids and (alone or size > most_bytes):
                    break
                ids.append(job_id)
                if alone:
                    break
            session.execute(select(JobRow.id).where(JobRow.id.in_(ids)).with_for_update())
            session.execute(
                update(JobRow)
                .where(JobRow.id.in_(ids), free)  # whoever changed a row first has it
                .values(
                    state=JobState.RUNNING,
                    owner=owner,
                    lease_until=now() + LEASE,
                    started_at=now(),
                    done_before=JobRow.done,
                    attempts=JobRow.attempts + 1,
                    updated_at=now(),
                )
            )
            rows = session.scalars(
                select(JobRow)
                .where(JobRow.owner == owner)
                .order_by(JobRow.id)
                # The update's own rows, not the snapshot that the transaction began with.
                .with_for_update()
            )
            return Claim(owner, tuple(job_of(row) for row in rows))

        return self.database.transaction(take)

    def renew(self, claim: Claim, progress: dict[int, tuple[JobStage, int, int]]) -> set[int]:
        """Hold the claim's jobs longer, and note (stage, done, total) of those named.

        Returns the ids that are still the claim's: the others were cancelled or taken over.
        """

        def extend(session: Session) -> set[int]:
            still = held(session, claim, claim.jobs)
            for row in session.scalars(select(JobRow).where(JobRow.id.in_(still))):
                row.lease_until = now() + LEASE
                if row.id in progress:
                    stage, row.done, row.total = progress[row.id]
                    row.stage = stage
                    row.updated_at = now()
            return still

        return self.database.transaction(extend)

    def fail(self, claim: Claim, job: Job, error: TidemarkError) -> None:
        """End the job with the reason, or let it be tried again after a pause if that may help."""
        again = error.retryable and job.attempts < ATTEMPTS
        pause = FIRST_PAUSE * 4 ** (job.attempts - 1)

        def record(session: Session) -> None:
            session.execute(
                update(JobRow)
                .where(JobRow.id == job.id, JobRow.owner == claim.owner)
                .values(
                    state=JobState.READY if again else JobState.FAILED,
                    not_before=now() + pause if again else now(),
                    owner=None,
                    lease_until=None,
                    error=error.message,
                    remedy=error.remedy,
                    updated_at=now(),
                )
            )

        self.database.transaction(record)
        if not again:
            DOCUMENTS.labels("failed").inc()

    def release(self, claim: Claim) -> None:
        """Give the claim's unfinished jobs back at once, as a worker that is asked to stop does."""

        def give_back(session: Session) -> None:
            session.execute(
                update(JobRow)
                .where(JobRow.id.in_(held(session, claim, claim.jobs)))
                .values(
                    state=JobState.READY,
                    owner=None,
                    lease_until=None,
                    attempts=JobRow.attempts - 1,
                    updated_at=now(),
                )
            )

        self.database.transaction(give_back)

    def abandon(self, claim: Claim) -> None:
        """Let the claim's jobs be taken as those of a silent worker are, after a short pause."""

        def let_go(session: Session) -> None:
            session.execute(
                update(JobRow)
                .where(JobRow.id.in_(held(session, claim, claim.jobs)))
                .values(lease_until=now() + FIRST_PAUSE)
            )

        self.database.transaction(let_go)

    def give_up(self) -> None:
        """End jobs whose worker fell silent each time: what ends a worker is not tried for ever."""

        def end(session: Session) -> None:
            session.execute(
                update(JobRow)
                .where(_abandoned(now()), JobRow.attempts >= ATTEMPTS)
                .values(
                    state=JobState.FAILED,
                    owner=None,
                    lease_until=None,
                    error=f"Its ingest was begun {ATTEMPTS} times and never came to an end.",
                    remedy="See the log of the workers for the cause, and upload it again.",
                    updated_at=now(),
                )
            )

        self.database.transaction(end)

    def get(self, job_id: int) -> Job:
        def read(session: Session) -> Job:
            row = session.get(JobRow, job_id)
            missing = JobNotFound(f"There is no job {job_id}.")
            if row is None:
                raise missing
            self.sight.check(row.knowledge_base_id, missing)
            return job_of(row)

        return self.database.transaction(read)

    def of_ids(self, job_ids: Sequence[int]) -> tuple[Job, ...]:
        def read(session: Session) -> tuple[Job, ...]:
            wanted = JobRow.id.in_(job_ids) & self.sight.among(JobRow.knowledge_base_id)
            rows = session.scalars(select(JobRow).where(wanted).order_by(JobRow.id))
            return tuple(job_of(row) for row in rows)

        return self.database.transaction(read)

    def changed_since(
        self, knowledge_base_id: int, moment: datetime, limit: int = 200
    ) -> tuple[Job, ...]:
        """Jobs of the knowledge base that changed since `moment` (UTC), oldest change first."""

        def read(session: Session) -> tuple[Job, ...]:
            rows = session.scalars(
                select(JobRow)
                .where(
                    JobRow.knowledge_base_id == knowledge_base_id,
                    JobRow.updated_at >= moment.replace(tzinfo=None),
                )
                .order_by(JobRow.updated_at, JobRow.id)
                .limit(limit)
            )
            return tuple(job_of(row) for row in rows)

        return self.database.transaction(read)

    def unfinished(self, knowledge_base_id: int, limit: int = 100) -> tuple[Job, ...]:
        """Jobs that run, wait, or failed with nobody having seen to it, newest first."""

        def read(session: Session) -> tuple[Job, ...]:
            newest = (
                select(func.max(JobRow.id))
                .where(JobRow.knowledge_base_id == knowledge_base_id)
                .group_by(JobRow.document_id)
            )
            rows = session.scalars(
                select(JobRow)
                .join(DocumentRow, DocumentRow.id == JobRow.document_id)
                .where(
                    JobRow.id.in_(newest),
                    JobRow.state != JobState.SUCCEEDED,
                    DocumentRow.deletion == 0,
                )
                .order_by(JobRow.id.desc())
                .limit(limit)
            )
            return tuple(job_of(row) for row in rows)

        return self.database.transaction(read)

    def counts(self, knowledge_base_id: int | None = None) -> dict[JobState, int]:
        """How many jobs are in each state, in one knowledge base or in all.

        Of those that failed, only what still needs somebody: neither a deleted document's, nor one
        that another job of the same document came after.
        """

        def read(session: Session) -> dict[JobState, int]:
            seen = self.sight.among(JobRow.knowledge_base_id)
            counted = select(JobRow.state, func.count()).where(seen).group_by(JobRow.state)
            if knowledge_base_id is not None:
                counted = counted.where(JobRow.knowledge_base_id == knowledge_base_id)
            found = {JobState(state): n for state, n in session.execute(counted)}
            failed = (
                select(func.count()).select_from(JobRow).where(seen, _failed(knowledge_base_id))
            )
            found[JobState.FAILED] = session.scalar(failed) or 0
            return {state: found.get(state, 0) for state in JobState}

        return self.database.transaction(read)

    def failures(
        self, knowledge_base_id: int, *, offset: int = 0, limit: int = 100
    ) -> tuple[Job, ...]:
        """Failed jobs that still need somebody, newest first; `counts` says how many there are."""

        def read(session: Session) -> tuple[Job, ...]:
            rows = session.scalars(
                select(JobRow)
                .where(_failed(knowledge_base_id))
                .order_by(JobRow.id.desc())
                .offset(offset)
                .limit(limit)
            )
            return tuple(job_of(row) for row in rows)

        return self.database.transaction(read)


def _failed(knowledge_base_id: int | None) -> ColumnElement[bool]:
    later = aliased(JobRow)
    failed = and_(
        JobRow.state == JobState.FAILED,
        exists().where(
            DocumentRow.id == JobRow.document_id,
            DocumentRow.deletion == 0,
            KnowledgeBaseRow.id == DocumentRow.knowledge_base_id,
            KnowledgeBaseRow.deletion == 0,
        ),
        ~exists().where(later.document_id == JobRow.document_id, later.id > JobRow.id),
    )
    return (
        failed
        if knowledge_base_id is None
        else failed & (JobRow.knowledge_base_id == knowledge_base_id)
    )


def _free(moment: datetime) -> ColumnElement[bool]:
    return or_(
        and_(JobRow.state == JobState.READY, JobRow.not_before <= moment),
        and_(_abandoned(moment), JobRow.attempts < ATTEMPTS),
    )


def _abandoned(moment: datetime) -> ColumnElement[bool]:
    return and_(JobRow.state == JobState.RUNNING, JobRow.lease_until < moment)


def _ingest_of(
    document: DocumentRow, revision: RevisionRow, wait: timedelta = timedelta(0)
) -> dict[str, Any]:
    """The columns of a new job that ingests the revision."""
    return {
        "kind": "ingest",
        "knowledge_base_id": document.knowledge_base_id,
        "document_id": document.id,
        "revision_id": revision.id,
        "document_name": document.name,
        "size": revision.size,
        "state": JobState.READY,
        "stage": JobStage.WAITING,
        "attempts": 0,
        "done": 0,
        "total": 0,
        "not_before": now() + wait,
        "created_at": now(),
        "updated_at": now(),
    }


def job_of(row: JobRow) -> Job:
    return Job(
        row.id,
        row.knowledge_base_id,
        row.document_id,
        row.revision_id or 0,
        row.document_name,
        row.size,
        JobState(row.state),
        JobStage(row.stage),
        row.attempts,
        row.done,
        row.total,
        row.error,
        row.remedy,
        with_zone(row.created_at),
        with_zone(row.updated_at),
    )
