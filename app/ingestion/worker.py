"""The worker: takes jobs from the queue and does them, on a few threads of this process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from app.errors import DatabaseUnavailable, TidemarkError
from app.ingestion.building import Building
from app.ingestion.clearing import Clearing
from app.ingestion.fetching import Crawler
from app.ingestion.ingest import Ingest, Progress
from app.ingestion.job import JobStage
from app.ingestion.job_store import JobStore
from app.ingestion.leases import Claim

log = logging.getLogger(__name__)

THREADS = 2  # while one waits for TiDB, the other embeds
JOBS_AT_ONCE = 64
BYTES_AT_ONCE = 4_000_000
IDLE_PAUSE = 0.5  # seconds between looks at an empty queue
REPORT_PAUSE = 2.0  # seconds; TiDB keeps every version of a row, so progress is written seldom
RENEW_PAUSE = 30.0  # seconds; a third of a lease
AWAY_PAUSE = 1.0  # seconds between looks for a TiDB that is away
BUILD_PAUSE = 1.0  # seconds between looks for an index to build
FETCH_PAUSE = 1.0  # seconds between looks for addresses to fetch
CLEAR_PAUSE = 10.0  # seconds between looks for what may be cleared


@dataclass
class Worker:
    """`start` and `stop` it, or `drain` the queue on the calling thread."""

    jobs: JobStore
    ingest: Ingest
    building: Building
    clearing: Clearing
    crawler: Crawler
    _stop: threading.Event = field(default_factory=threading.Event)
    _wake: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(THREADS):
            thread = threading.Thread(target=self._work, name=f"worker-{number}")
            thread.start()
            self._threads.append(thread)
        others = (("building", self._build), ("clearing", self._clear), ("fetching", self._fetch))
        for name, work in others:
            thread = threading.Thread(target=work, name=name)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End after the batch at hand; unfinished jobs go back to the queue at once."""
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def wake(self) -> None:
        """Look at the queue now: something was put into it by this process."""
        self._wake.set()

    def drain(self) -> None:
        """Fetch addresses, do jobs, and build indexes, until nothing is ready."""
        while (
            self.crawler.run_next(self._stop)
            or self._do_next()
            or self.building.run_next(self._stop)
        ):
            pass

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                worked = self._do_next()
            except TidemarkError as error:  # TiDB is away
                log.warning("The worker pauses: %s %s", error.message, error.remedy)
                worked = False
            except Exception:
                # A fault of ours must not end the worker: the job comes back, and is given up in
                # the end.
                log.exception("A job could not be done")
                worked = False
            if not worked:
                self._wake.wait(IDLE_PAUSE)
                self._wake.clear()

    def _do_next(self) -> bool:
        claim = self.jobs.claim(JOBS_AT_ONCE, BYTES_AT_ONCE)
        if claim is None or not claim.jobs:
            return False
        progress = Progress(stop=self._stop)
        try:
            with self._reporting(claim, progress):
                self.ingest.run(claim, progress)
        except DatabaseUnavailable as error:
            log.warning("The worker waits: %s %s", error.message, error.remedy)
            self._give_back(claim)
        except Exception:
            with suppress(DatabaseUnavailable):  # then the lease will bring them back
                self.jobs.abandon(claim)
            raise
        return True

    @contextmanager
    def _reporting(self, claim: Claim, progress: Progress) -> Iterator[None]:
        ended = threading.Event()
        reporter = threading.Thread(target=self._report, args=(claim, progress, ended))
        reporter.start()
        try:
            yield
        finally:
            ended.set()
            reporter.join()

    def _give_back(self, claim: Claim) -> None:
        """Let the claim's jobs be done again as soon as TiDB is back, not when the lease ends."""
        while True:
            try:
                self.jobs.release(claim)
            except DatabaseUnavailable:
                if self._stop.wait(AWAY_PAUSE):
                    return  # the lease will bring them back
            else:
                return

    def _report(self, claim: Claim, progress: Progress, ended: threading.Event) -> None:
        """Hold the lease while the claim is worked on, and write how far it is."""
        written: dict[int, tuple[JobStage, int, int]] = {}
        renewed = time.monotonic()
        while not ended.wait(REPORT_PAUSE):
            present = dict(progress.of)
            changed = {job: at for job, at in present.items() if written.get(job) != at}
            if changed or time.monotonic() - renewed > RENEW_PAUSE:
                try:
                    held = self.jobs.renew(claim, changed)
                except TidemarkError as error:
                    log.warning("Progress could not be written: %s", error.message)
                    continue
                # Those that ended are no longer held either, and nobody asks for them any more.
                progress.lost.update(job.id for job in claim.jobs if job.id not in held)
                written.update(changed)
                renewed = time.monotonic()

    def _build(self) -> None:
        while not self._stop.wait(BUILD_PAUSE):
            try:
                while self.building.run_next(self._stop):
                    pass
            except TidemarkError as error:
                log.warning("Building pauses: %s %s", error.message, error.remedy)
            except Exception:
                log.exception("An index could not be built")

    def _fetch(self) -> None:
        while not self._stop.wait(FETCH_PAUSE):
            try:
                while self.crawler.run_next(self._stop):
                    pass
            except TidemarkError as error:
                log.warning("Fetching pauses: %s", error.message)
            except Exception:
                log.exception("An address could not be fetched")

    def _clear(self) -> None:
        while not self._stop.wait(CLEAR_PAUSE):
            try:
                self.jobs.give_up()
                self.clearing.clear(self._stop.is_set)
            except TidemarkError as error:
                log.warning("Clearing pauses: %s", error.message)
            except Exception:
                log.exception("Clearing failed")
