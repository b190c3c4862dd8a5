"""What changes among a knowledge base's jobs and in its queue of addresses.

Everyone who listens is told by one look at TiDB.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from anyio import to_thread

from app.errors import TidemarkError
from app.ingestion.fetching import Standing
from app.ingestion.job import Job, JobState
from app.ingestion.job_store import JobStore
from app.ingestion.pace import Pace
from app.services import Services

log = logging.getLogger(__name__)

PAUSE = 0.7  # seconds between looks, while somebody listens
OVERLAP = timedelta(seconds=3)
"""How far each look reaches back behind the last: a change is stamped before it is committed."""
FAR_OVERLAP = timedelta(seconds=60)
FAR_PAUSE = 10.0  # seconds between looks that reach so far back: a commit may have been held up
COUNT_PAUSE = 3.0  # seconds; counting reads every job or address of the knowledge base
JOBS_A_LOOK = 500
MOST_UNTOLD = 2_000  # jobs; who is further behind is told everything anew


@dataclass(frozen=True)
class Counts:
    """How many jobs are in each state, and how fast they are done."""

    of: dict[JobState, int]
    pace: Pace


@dataclass(frozen=True)
class Told:
    """News; `counts` and `addresses` are None where they are as they were, or not looked at."""

    jobs: tuple[Job, ...]
    counts: Counts | None
    addresses: Standing | None

    def __bool__(self) -> bool:
        return bool(self.jobs or self.counts or self.addresses)


@dataclass(eq=False)
class Listener:
    """What one open connection has not been told yet; the last state of a job replaces others."""

    jobs: dict[int, Job] = field(default_factory=dict)
    counts: Counts | None = None
    addresses: Standing | None = None
    behind: bool = False
    """Whether it fell so far behind that it has to begin anew."""
    ended: bool = False
    """Whether nothing will be told any more."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, told: Told) -> None:
        self.jobs.update((job.id, job) for job in told.jobs)
        self.counts = told.counts or self.counts
        self.addresses = told.addresses or self.addresses
        if len(self.jobs) > MOST_UNTOLD:
            self.jobs.clear()
            self.behind = True
        self._woken.set()

    def end(self) -> None:
        self.ended = True
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Return when there is something to tell, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    def take(self) -> Told:
        """What is to be told now; afterwards there is nothing more."""
        told = Told(tuple(self.jobs.values()), self.counts, self.addresses)
        self.jobs, self.counts, self.addresses = {}, None, None
        return told


@dataclass(eq=False)
class JobFeed:
    """The changes in one knowledge base; looks at TiDB only while somebody listens."""

    services: Services
    knowledge_base_id: int
    listeners: set[Listener] = field(default_factory=set)
    _looked: datetime = field(default_factory=lambda: datetime.now(UTC))
    _seen: dict[int, datetime] = field(default_factory=dict)
    _looked_far: float = field(default_factory=time.monotonic)
    _counted: float = 0.0
    _uncounted: bool = False
    _addresses: Standing | None = None
    _looked_at_addresses: float = 0.0
    _task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.create_task(self._follow(), name=f"jobs-{self.knowledge_base_id}")
        self._task.add_done_callback(self._broke)

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
        for listener in self.listeners:
            listener.end()

    @property
    def ended(self) -> bool:
        return self._task is None or self._task.done()

    def _broke(self, task: asyncio.Task[None]) -> None:
        """A fault of ours: whoever listens connects again, and is told everything anew."""
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("Events broke off", exc_info=fault)
            self.end()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            try:
                told = await to_thread.run_sync(self._look)
            except TidemarkError as error:  # TiDB is away: the next look reaches back to the last
                log.warning("Events pause: %s", error.message)
                continue
            if told:
                for listener in self.listeners:
                    listener.tell(told)

    def _look(self) -> Told:
        began, far = datetime.now(UTC), time.monotonic() - self._looked_far > FAR_PAUSE
        since = self._looked - (FAR_OVERLAP if far else OVERLAP)
        changed = changes(self.services.jobs, self.knowledge_base_id, since)
        fresh = [job for job in changed if self._seen.get(job.id) != job.updated_at]
        self._looked = began
        self._seen.update((job.id, job.updated_at) for job in changed)
        if far:
            # The next look of the kind reaches back to here, less what a look may take.
            kept = began - 2 * FAR_OVERLAP
            self._seen = {job: moment for job, moment in self._seen.items() if moment > kept}
            self._looked_far = time.monotonic()
        self._uncounted = self._uncounted or bool(fresh)
        return Told(tuple(fresh), self._count(), self._look_at_addresses())

    def _count(self) -> Counts | None:
        if not self._uncounted or time.monotonic() - self._counted < COUNT_PAUSE:
            return None
        self._uncounted, self._counted = False, time.monotonic()
        return counted(self.services, self.knowledge_base_id)

    def _look_at_addresses(self) -> Standing | None:
        if time.monotonic() - self._looked_at_addresses < COUNT_PAUSE:
            return None
        self._looked_at_addresses = time.monotonic()
        before = self._addresses
        self._addresses = self.services.addresses.standing(self.knowledge_base_id)
        return None if self._addresses == before else self._addresses


@dataclass(eq=False)
class JobFeeds:
    """One feed for each knowledge base that is listened to, in this process."""

    feeds: dict[int, JobFeed] = field(default_factory=dict)
    closed: bool = False

    @contextmanager
    def listen(self, services: Services, knowledge_base_id: int) -> Iterator[Listener]:
        """Be told of what changes from now on."""
        feed = self.feeds.get(knowledge_base_id)
        if feed is None or feed.ended:
            feed = self.feeds[knowledge_base_id] = JobFeed(services, knowledge_base_id)
            feed.begin()
        listener = Listener(ended=self.closed)
        feed.listeners.add(listener)
        try:
            yield listener
        finally:
            feed.listeners.discard(listener)
            if not feed.listeners:
                feed.end()
                if self.feeds.get(knowledge_base_id) is feed:
                    del self.feeds[knowledge_base_id]

    def close(self) -> None:
        """End every connection: the server is about to stop, and waits for them."""
        self.closed = True
        for feed in self.feeds.values():
            feed.end()


def counted(services: Services, knowledge_base_id: int) -> Counts:
    """How the knowledge base's queue stands now."""
    pace = services.pace_meter.measure(knowledge_base_id)
    return Counts(services.jobs.counts(knowledge_base_id), pace)


def changes(jobs: JobStore, knowledge_base_id: int, since: datetime) -> list[Job]:
    """All that changed since, each job once, in its last state."""
    found: dict[int, Job] = {}
    while True:
        page = jobs.changed_since(knowledge_base_id, since, JOBS_A_LOOK)
        found.update((job.id, job) for job in page)
        # A page that ends at the moment it began at would be read again for ever.
        if len(page) < JOBS_A_LOOK or page[-1].updated_at == since:
            return list(found.values())
        since = page[-1].updated_at
