"""Jobs: how far the ingest of a document is, why it failed, and what may be done about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from app.access.rights import Right
from app.ingestion.job import Job, JobStage, JobState
from app.web.access import needs
from app.web.api.shape import LARGEST_ID, JobId, Shape, errors
from app.web.wiring import ReadableKnowledgeBase, Wired, wake_worker

router = APIRouter(tags=["Jobs"])

MOST_JOBS = 1000  # in one reply


class JobError(Shape):
    """Why a job failed, or why it is tried again."""

    message: str = Field(examples=["The file is a PDF that needs a password."])
    remedy: str = Field(examples=["Save a copy without the password, and upload that."])


class JobShape(Shape):
    """One durable piece of background work: the ingest of one revision of a document."""

    id: int = Field(examples=[31])
    document_id: int = Field(examples=[12])
    document_name: str = Field(examples=["guides/harbour.pdf"])
    revision_id: int = Field(examples=[14])
    size: int = Field(examples=[48213])
    """The original's bytes."""
    state: JobState
    stage: JobStage
    attempts: int = Field(examples=[1])
    """How often a worker has begun it."""
    done: int = Field(examples=[96])
    """Chunks that are embedded and stored."""
    total: int = Field(examples=[128])
    """Chunks in all; 0 until the document is parsed."""
    error: JobError | None = None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, job: Job) -> JobShape:
        error = None if job.error is None else JobError(message=job.error, remedy=job.remedy or "")
        return cls(
            id=job.id,
            document_id=job.document_id,
            document_name=job.document_name,
            revision_id=job.revision_id,
            size=job.size,
            state=job.state,
            stage=job.stage,
            attempts=job.attempts,
            done=job.done,
            total=job.total,
            error=error,
            created_at=job.created_at,
            updated_at=job.updated_at,
        )


@router.get("/jobs/{job_id}", responses=errors(404, 422, 503))
@needs(Right.READ)
def read_job(job_id: JobId, services: Wired) -> JobShape:
    """One job; watch many at once by the knowledge base's events."""
    return JobShape.of(services.jobs.get(job_id))


@router.post("/jobs/{job_id}/pause", responses=errors(403, 404, 409, 422, 503))
@needs(Right.WRITE)
def pause_job(job_id: JobId, services: Wired) -> JobShape:
    """Let a job wait until it is resumed; what it has stored is not done twice."""
    return JobShape.of(services.job_control.pause(job_id))


@router.post("/jobs/{job_id}/resume", responses=errors(403, 404, 409, 422, 503))
@needs(Right.WRITE)
def resume_job(job_id: JobId, services: Wired, request: Request) -> JobShape:
    """Go on with a paused job."""
    job = services.job_control.resume(job_id)
    wake_worker(request)
    return JobShape.of(job)


@router.post("/jobs/{job_id}/cancel", responses=errors(403, 404, 409, 422, 503))
@needs(Right.WRITE)
def cancel_job(job_id: JobId, services: Wired) -> JobShape:
    """End a job that has not ended; its document stays as it was."""
    return JobShape.of(services.job_control.cancel(job_id))


@router.post("/jobs/{job_id}/retry", responses=errors(403, 404, 409, 422, 503))
@needs(Right.WRITE)
def retry_job(job_id: JobId, services: Wired, request: Request) -> JobShape:
    """Try a job again that failed or was cancelled, at once."""
    job = services.job_control.retry(job_id)
    wake_worker(request)
    return JobShape.of(job)


class JobList(Shape):
    """One page of jobs, newest first."""

    jobs: tuple[JobShape, ...]
    total: int = Field(examples=[2])
    offset: int = Field(examples=[0])
    limit: int = Field(examples=[100])


@router.get("/knowledge-bases/{name}/failures", responses=errors(404, 422, 503))
@needs(Right.READ)
def list_failures(
    base: ReadableKnowledgeBase,
    services: Wired,
    offset: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_JOBS)] = 100,
) -> JobList:
    """Jobs that failed and still need somebody, each with the reason and what to do."""
    found = services.jobs.failures(base.id, offset=offset, limit=limit)
    return JobList(
        jobs=tuple(JobShape.of(job) for job in found),
        total=services.jobs.counts(base.id)[JobState.FAILED],
        offset=offset,
        limit=limit,
    )


class Retried(Shape):
    """What was queued again."""

    retried: int = Field(examples=[2])


@router.post("/knowledge-bases/{name}/failures/retry", responses=errors(403, 404, 422, 503))
@needs(Right.WRITE)
def retry_failures(base: ReadableKnowledgeBase, services: Wired, request: Request) -> Retried:
    """Try all that failed again."""
    retried = services.job_control.retry_failed(base)
    wake_worker(request)
    return Retried(retried=retried)


class Ingestion(Shape):
    """Whether a knowledge base is ingested."""

    paused: bool = Field(examples=[True])


@router.post("/knowledge-bases/{name}/pause", responses=errors(403, 404, 422, 503))
@needs(Right.WRITE)
def pause_knowledge_base(base: ReadableKnowledgeBase, services: Wired) -> Ingestion:
    """Ingest nothing of it until it is resumed; uploads are taken in, and wait."""
    services.job_control.pause_all(base)
    return Ingestion(paused=True)


@router.post("/knowledge-bases/{name}/resume", responses=errors(403, 404, 422, 503))
@needs(Right.WRITE)
def resume_knowledge_base(
    base: ReadableKnowledgeBase, services: Wired, request: Request
) -> Ingestion:
    """Go on with what waits."""
    services.job_control.resume_all(base)
    wake_worker(request)
    return Ingestion(paused=False)
