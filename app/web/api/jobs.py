"""Jobs: how far the ingest of a document is, and why it failed."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from app.access.rights import Right
from app.ingestion.job import Job, JobStage, JobState
from app.web.access import needs
from app.web.api.shape import JobId, Shape, errors
from app.web.wiring import Wired

router = APIRouter(prefix="/jobs", tags=["Jobs"])


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


@router.get("/{job_id}", responses=errors(404, 422, 503))
@needs(Right.READ)
def read_job(job_id: JobId, services: Wired) -> JobShape:
    """One job; watch many at once by the knowledge base's events."""
    return JobShape.of(services.jobs.get(job_id))
