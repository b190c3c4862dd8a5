"""Events: the progress of a knowledge base's jobs and addresses, pushed (server-sent events)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.ingestion.job import JobState
from app.services import Services
from app.web.access import needs
from app.web.api.addresses import AddressesStanding
from app.web.api.job_feed import OVERLAP, Counts, JobFeeds, Told, changes, counted
from app.web.api.jobs import JobShape
from app.web.api.shape import Shape, errors
from app.web.event_stream import COMMENT, EVENT_STREAM, EventStream, event, while_admitted
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(tags=["Jobs"])

KEEP_ALIVE = 15.0  # seconds; proxies close connections that are silent for longer
CATCH_UP = timedelta(hours=1)
"""How long a listener may have been away to be told what ended meanwhile."""


class JobCounts(Shape):
    """How many jobs of the knowledge base are in each state."""

    ready: int = Field(examples=[3])
    running: int = Field(examples=[2])
    paused: int = Field(examples=[0])
    succeeded: int = Field(examples=[95])
    failed: int = Field(examples=[1])
    """Those that still need somebody."""
    cancelled: int = Field(examples=[0])

    @classmethod
    def of(cls, counts: Counts) -> JobCounts:
        return cls(**{state.value: counts.of[state] for state in JobState})


class PaceShape(Shape):
    """How fast the knowledge base's queue is worked off."""

    chunks_per_second: float = Field(examples=[41.5])
    """Of the last minute; 0 while nothing is embedded."""
    seconds_left: float | None = Field(examples=[12.0])
    """Until all that waits is ingested; null where it cannot be told. What is not parsed yet is
    guessed from its size."""


class JobsEvent(Shape):
    """The data of both kinds of event: `snapshot` comes first, then `changes`, as they happen."""

    jobs: tuple[JobShape, ...]
    """In a snapshot every unfinished or failed job; in changes those that changed. A job may come
    again in the same state."""
    counts: JobCounts | None
    """Null where they have not been counted anew."""
    pace: PaceShape | None
    """Comes with `counts`."""
    addresses: AddressesStanding | None
    """How far the queue of addresses is; null where it is as it was told last."""


@router.get(
    "/knowledge-bases/{name}/events",
    response_class=EventStream,
    responses={
        **errors(404, 503),
        200: {"description": "Server-sent events.", "content": {EVENT_STREAM: {}}},
    },
)
@needs(Right.READ)
async def follow_jobs(
    base: ReadableKnowledgeBase,
    services: Wired,
    request: Request,
    last_event_id: Annotated[str | None, Header(description="Sent on a reconnect.")] = None,
) -> StreamingResponse:
    """The progress of all jobs: a `snapshot` event, then `changes` events, until one hangs up.

    It ends by itself within seconds once the caller may not read the knowledge base any more.

    The `data` of each is JSON: `jobs` as from `/api/jobs/{id}`, `counts` by state, and how far the
    queue of `addresses` is. After a reconnect, the snapshot also has the jobs that ended meanwhile.
    """
    feeds: JobFeeds = request.app.state.job_feeds
    told = _told(feeds, services, base, _moment(last_event_id))
    return EventStream(while_admitted(request, told))


async def _told(
    feeds: JobFeeds, services: Services, base: KnowledgeBase, since: datetime | None
) -> AsyncGenerator[str]:
    with feeds.listen(services, base.id) as listener:
        yield await to_thread.run_sync(_snapshot, services, base.id, since)
        while not listener.ended:
            await listener.wait(KEEP_ALIVE)
            if listener.behind:
                listener.behind = False
                yield await to_thread.run_sync(_snapshot, services, base.id, since)
            else:
                told = listener.take()
                yield _event("changes", told) if told else COMMENT


def _snapshot(services: Services, knowledge_base_id: int, since: datetime | None) -> str:
    jobs = services.jobs
    told = {} if since is None else {j.id: j for j in changes(jobs, knowledge_base_id, since)}
    told |= {job.id: job for job in jobs.unfinished(knowledge_base_id)}
    counts = counted(services, knowledge_base_id)
    addresses = services.addresses.standing(knowledge_base_id)
    return _event("snapshot", Told(tuple(told.values()), counts, addresses))


def _event(name: str, told: Told) -> str:
    counts, addresses = told.counts, told.addresses
    data = JobsEvent(
        jobs=tuple(JobShape.of(job) for job in told.jobs),
        counts=None if counts is None else JobCounts.of(counts),
        pace=None if counts is None else PaceShape(**asdict(counts.pace)),
        addresses=None if addresses is None else AddressesStanding.of(addresses),
    )
    return event(name, data.model_dump_json(), datetime.now(UTC).isoformat())


def _moment(last_event_id: str | None) -> datetime | None:
    """When the listener was last told something; None if it is new, or was away for too long."""
    try:
        moment = datetime.fromisoformat(last_event_id or "")
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return moment - OVERLAP if datetime.now(UTC) - moment < CATCH_UP else None
