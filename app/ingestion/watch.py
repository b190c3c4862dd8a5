"""Following jobs until they end, from any process."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.ingestion.job import Job
from app.ingestion.job_store import JobStore

AT_ONCE = 500


@dataclass
class Watch:
    """Looks at jobs that have not ended; ten thousand of them cost no more than a few hundred.

    Jobs are looked at in the order they were added, which is the order in which workers take them.
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
        """The jobs that ended since the last look, and those that are being worked on, by id.

        None is a job that is gone: its document was deleted, and what it owned was cleared.
        """
        seen: dict[int, Job | None] = {}
        while self._pending:
            ids = list(self._pending)[:AT_ONCE]
            found = {job.id: job for job in self.jobs.of_ids(ids)}
            page = {job_id: found.get(job_id) for job_id in ids}
            ended = [job_id for job_id, job in page.items() if job is None or job.state.ended]
            for job_id in ended:
                del self._pending[job_id]
            seen |= page
            if len(ended) < len(ids):
                break
        return seen
