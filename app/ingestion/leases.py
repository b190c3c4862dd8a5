"""Leases: what a worker holds while it works, and what it may write by it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.documents.tables import KnowledgeBaseRow
from app.ingestion.job import Job, JobState
from app.ingestion.tables import JobRow


@dataclass(frozen=True)
class Claim:
    """Jobs of one knowledge base that one worker holds; `owner` names this claim alone."""

    owner: str
    jobs: tuple[Job, ...]


class LeaseLost(Exception):
    """A claim does not hold these jobs any more: they ended, or are another worker's."""

    def __init__(self, job_ids: frozenset[int]) -> None:
        super().__init__(f"Jobs {sorted(job_ids)} are not held any more.")
        self.job_ids = job_ids


def held(session: Session, claim: Claim, jobs: Collection[Job]) -> set[int]:
    """The ids of those of `jobs` that are still the claim's, locked."""
    rows = session.execute(
        select(JobRow.id, JobRow.owner, JobRow.state)
        .where(JobRow.id.in_([job.id for job in jobs]))  # by key alone: see Database.transaction
        .with_for_update()
    )
    return {
        job_id
        for job_id, owner, state in rows
        if owner == claim.owner and state == JobState.RUNNING
    }


def require_held(session: Session, claim: Claim, jobs: Collection[Job]) -> None:
    """Let a transaction of `claim` go on only while it holds all of `jobs`.

    Whoever takes a job away (another worker, a deletion) waits for the transaction, or the
    transaction is undone: so nothing is written for a document that is being cleared.

    Raises:
        LeaseLost: names those that it holds no longer.
    """
    still = held(session, claim, jobs)
    # Not locked, for all workers of a knowledge base would meet here: what it owns is cleared
    # long after it was deleted.
    base_ids = {job.knowledge_base_id for job in jobs}
    bases = set(
        session.scalars(
            select(KnowledgeBaseRow.id).where(
                KnowledgeBaseRow.id.in_(base_ids), KnowledgeBaseRow.deletion == 0
            )
        )
    )
    lost = [job.id for job in jobs if job.id not in still or job.knowledge_base_id not in bases]
    if lost:
        raise LeaseLost(frozenset(lost))
