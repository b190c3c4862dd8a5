"""A job, as people and the worker see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobState(StrEnum):
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class JobStage(StrEnum):
    """Where an ingest is: each stage's result is stored, so that it isn't done twice."""

    WAITING = "waiting"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    DONE = "done"


@dataclass(frozen=True)
class Job:
    """One durable piece of background work: the ingest of one revision of a document.

    `done` and `total` count chunks; `total` is 0 until the document is chunked. `error` and
    `remedy` are written for the person who uploaded the document.
    """

    id: int
    knowledge_base_id: int
    document_id: int
    revision_id: int
    document_name: str
    size: int
    state: JobState
    stage: JobStage
    attempts: int
    done: int
    total: int
    error: str | None
    remedy: str | None
    created_at: datetime
    updated_at: datetime
