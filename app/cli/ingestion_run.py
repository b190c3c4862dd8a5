"""One run of `tidemark ingest`: uploads, and the jobs that follow from them until they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from rich.progress import Progress, TaskID

from app.cli.console import say, shown_name
from app.cli.files import FoundFiles, SourceFile, read_parts
from app.documents.labels import Labels
from app.documents.model import KnowledgeBase
from app.errors import InvalidName, TidemarkError, UnreadableDocument
from app.ingestion.fetching import Page
from app.ingestion.job import Job, JobState
from app.ingestion.uploads import Receipt
from app.ingestion.watch import Watch
from app.services import Services

LOOK_PAUSE = 0.3  # seconds between looks at the jobs
DELETED = "The document was deleted before it was ingested."
CANCELLED = "Somebody cancelled its ingest."


@dataclass(frozen=True)
class Outcome:
    """What became of one file; `error` and `remedy` are for the person who ingests it."""

    name: str
    outcome: Literal["ingested", "unchanged", "deleted", "failed"]
    document_id: int | None = None
    chunks: int = 0
    error: str | None = None
    remedy: str | None = None


@dataclass
class IngestionRun:
    """Uploads files, and works on the queue itself, beside whatever other workers there are."""

    services: Services
    base: KnowledgeBase
    progress: Progress
    show: Callable[[Outcome], None]
    labels: Labels
    outcomes: list[Outcome] = field(default_factory=list)
    _chunks: dict[int, tuple[int, int]] = field(default_factory=dict)
    _told: set[tuple[int, int]] = field(default_factory=set)

    def ingest(self, found: FoundFiles, pages: Iterable[Page] = ()) -> None:
        """See every file to its outcome; what was uploaded is ingested even if this run ends.

        Raises:
            DatabaseUnavailable: TiDB went away.
        """
        worker = self.services.worker()
        watch = Watch(self.services.jobs)
        worker.start()
        try:
            for name, error in found.refused:
                self._fail(name, error)
            uploads = self.progress.add_task("Uploads", total=len(found.files))
            chunks = self.progress.add_task("Chunks", total=None)
            looked = time.monotonic()
            for file in found.files:
                self._upload(file, watch)
                self.progress.advance(uploads)
                worker.wake()
                if time.monotonic() - looked > LOOK_PAUSE:
                    self._follow(watch, chunks)
                    looked = time.monotonic()
            for page in pages:
                self._fetch(page, watch)
                worker.wake()
                self._follow(watch, chunks)
            if watch.pending and self.base.paused:
                say(
                    f"{self.base.name} is paused: {watch.pending:,} documents wait in the queue. "
                    f"`tidemark jobs resume --all -k {self.base.name}` lets it go on."
                )
                return
            while watch.pending:
                self._follow(watch, chunks)
                time.sleep(LOOK_PAUSE if watch.pending else 0)
        except KeyboardInterrupt:
            left = len(found.files) + len(found.refused) - len(self.outcomes) - watch.pending
            say(
                f"Stopping. {watch.pending:,} documents wait in the queue, for `tidemark serve` or "
                f"`tidemark worker`; {left:,} files were not uploaded."
            )
            raise
        finally:
            worker.stop()

    def _upload(self, file: SourceFile, watch: Watch) -> None:
        try:
            receipt = self.services.uploads.receive(
                self.base, file.name, read_parts(file), self.labels
            )
        except (UnreadableDocument, InvalidName) as error:
            self._fail(file.name, error)
            return
        self._taken(receipt, watch)

    def _fetch(self, page: Page, watch: Watch) -> None:
        if page.error is not None:
            self._fail(page.url, page.error)
            return
        try:
            receipt = self.services.sources.add(self.base, page.url, self.labels)
        except (UnreadableDocument, InvalidName) as error:
            self._fail(page.url, error)
            return
        self._taken(receipt, watch)

    def _taken(self, receipt: Receipt, watch: Watch) -> None:
        if receipt.job_id is None:
            self._end(Outcome(receipt.document_name, "unchanged", receipt.document_id))
        else:
            watch.add(receipt.job_id)

    def _follow(self, watch: Watch, chunks: TaskID) -> None:
        for job_id, job in watch.look().items():
            if job is None:
                self._end(Outcome(f"job {job_id}", "failed", error=DELETED))
                continue
            self._chunks[job_id] = (job.done, job.total)
            if job.state.ended:
                self._end(_outcome(job))
            elif job.state is JobState.PAUSED:
                if (job_id, 0) not in self._told:
                    self._told.add((job_id, 0))
                    say(
                        f"{shown_name(job.document_name)} is paused: "
                        f"`tidemark jobs resume {job_id}` lets it go on; Ctrl-C leaves it so."
                    )
            elif job.error and (job_id, job.attempts) not in self._told:
                self._told.add((job_id, job.attempts))
                say(
                    f"{shown_name(job.document_name)} will be tried again: {job.error} {job.remedy}"
                )
        done = sum(done for done, _ in self._chunks.values())
        total = sum(total for _, total in self._chunks.values())
        self.progress.update(chunks, completed=done, total=total or None)

    def _fail(self, name: str, error: TidemarkError) -> None:
        self._end(Outcome(name, "failed", error=error.message, remedy=error.remedy))

    def _end(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.show(outcome)


def _outcome(job: Job) -> Outcome:
    if job.state is JobState.SUCCEEDED:
        return Outcome(job.document_name, "ingested", job.document_id, job.total)
    if job.state is JobState.CANCELLED:
        again = f"`tidemark jobs retry {job.id}` begins it again."
        return Outcome(job.document_name, "failed", job.document_id, 0, CANCELLED, again)
    return Outcome(job.document_name, "failed", job.document_id, 0, job.error, job.remedy)
