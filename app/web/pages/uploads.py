"""Jobs as rows of the documents page: the stage, how far it is, why it failed and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.ingestion.job import Job, JobStage, JobState
from app.web.pages.wording import size

STAGES = {
    JobStage.WAITING: "waiting",
    JobStage.PARSING: "reading the text",
    JobStage.EMBEDDING: "embedding",
    JobStage.DONE: "done",
}


@dataclass(frozen=True)
class Upload:
    """A document on its way into the index, or one that did not get there."""

    job_id: int
    document_id: int
    name: str
    size: str
    failed: bool
    ended: bool
    state: str
    done: int
    total: int
    error: str | None
    remedy: str | None


def uploads_of(jobs: Sequence[Job]) -> tuple[Upload, ...]:
    return tuple(_upload(job) for job in jobs)


def _upload(job: Job) -> Upload:
    failed = job.state is JobState.FAILED
    again = job.state is JobState.READY and job.error is not None
    state = "waiting to try again" if again else STAGES[job.stage]
    if failed or job.state in {JobState.PAUSED, JobState.CANCELLED}:
        state = job.state.value
    return Upload(
        job_id=job.id,
        document_id=job.document_id,
        name=job.document_name,
        size=size(job.size),
        failed=failed,
        ended=job.state.ended,
        state=state,
        done=job.done,
        total=job.total,
        error=job.error,
        remedy=job.remedy,
    )
