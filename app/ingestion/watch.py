"""Following jobs until they end, from any process."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.ingestion.job import Job
from app.ingestion.job_store import JobStore

AT_ONCE = 500


@dataclass
class Watch:
    """Looks at jobs that have not ended; ten thousand of them cost no more than a few hundred.

    Each look goes on where the last one ended, at `AT_ONCE` of them and as many more as have ended.
    """

    jobs: JobStore
    _pending: dict[int, None] = field(default_factory=dict)

    def add(self, job_id: int) -> None:
        self._pending[job_id] = None

    @property
    def pending(self) -> int:
        """How many of the jobs have not been seen to end."""
        return len(self._pending)

    def look(self) -> dict[int, Job | None]:
        """Jobs that have ended, each told of once, and some of those that have not, by id.

        None is a job that is gone: its document was deleted, and what it owned was cleared.
        """
        seen: dict[int, Job | None] = {}
        while self._pending:
            ids = list(self._pending)[:AT_ONCE]
            found = {job.id: job for job in self.jobs.of_ids(ids)}
            page = {job_id: found.get(job_id) for job_id in ids}
            going = [job_id for job_id, job in page.items() if job and not job.state.ended]
            for job_id in ids:
                del self._pending[job_id]
            self._pending.update(dict.fromkeys(going))
            seen |= page
            if going:
                break
        return seen
