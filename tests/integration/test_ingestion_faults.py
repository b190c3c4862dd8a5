"""What becomes of an ingest when workers die, providers and TiDB are away, or a text is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.errors import (
    DatabaseUnavailable,
    ProviderError,
    ProviderUnavailable,
)
from app.ingestion.ingest import CHUNKS_A_BATCH, Progress
from app.ingestion.job import JobState
from app.ingestion.job_store import ATTEMPTS
from tests.fakes import WatchedEmbedder
from tests.integration.parts import (
    QUESTION,
    MortalWorker,
    SearchableBase,
    Uploader,
    long_text,
)


def test_an_expired_lease_is_taken_over_without_doubling(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    silent = worker.take()
    worker.fall_silent(silent)
    worker.drain()
    worker.run(silent)  # it was only slow: what it does now must change nothing
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at noon."]
    assert knowledge_base.rows("chunks_{index}") == 1


def test_a_job_that_was_half_done_goes_on_where_it_was(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    def die_after_first_batch(texts: Sequence[str]) -> None:
        if embedder.embedded:
            raise KeyboardInterrupt

    uploader.upload("buoys.md", long_text(CHUNKS_A_BATCH + 40))
    embedder.before = die_after_first_batch
    claim = worker.take()
    with pytest.raises(KeyboardInterrupt):
        worker.run(claim)
    worker.fall_silent(claim)
    embedder.before = None
    worker.drain()
    stored = knowledge_base.rows("chunks_{index}")
    assert stored > CHUNKS_A_BATCH
    assert len(embedder.embedded) == stored
    assert len(set(embedder.embedded)) == stored


def test_a_worker_that_is_asked_to_stop_gives_its_job_back_and_it_goes_on_where_it_was(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    receipt = uploader.upload("buoys.md", long_text(CHUNKS_A_BATCH + 40))
    progress = Progress()

    def stop(texts: Sequence[str]) -> None:
        progress.stop.set()

    embedder.before = stop
    knowledge_base.services.ingest.run(worker.take(), progress)
    assert receipt.job_id is not None
    assert knowledge_base.services.jobs.get(receipt.job_id).state is JobState.READY
    embedder.before = None
    worker.drain()
    assert knowledge_base.services.jobs.get(receipt.job_id).state is JobState.SUCCEEDED
    assert len(embedder.embedded) == knowledge_base.rows("chunks_{index}")


def test_a_document_that_is_whole_already_does_not_hold_up_a_longer_one_beside_it(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("buoys.md", long_text(CHUNKS_A_BATCH + 40))
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.run_until("embedded")
    worker.drain()
    counts = knowledge_base.services.jobs.counts(knowledge_base.base.id)
    assert counts[JobState.SUCCEEDED] == 2


def test_a_provider_that_is_down_makes_the_job_wait_and_then_go_on(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    def down(texts: Sequence[str]) -> None:
        raise ProviderUnavailable("The provider does not answer.")

    embedder.before = down
    receipt = uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    assert receipt.job_id is not None
    job = knowledge_base.services.jobs.get(receipt.job_id)
    assert job.state is JobState.READY
    assert job.error == "The provider does not answer."
    assert knowledge_base.rows("jobs", f"id = {job.id} AND not_before > UTC_TIMESTAMP()") == 1
    embedder.before = None
    worker.wait_out_pauses()
    worker.drain()
    job = knowledge_base.services.jobs.get(receipt.job_id)
    assert job.state is JobState.SUCCEEDED
    assert job.error is None


def test_a_provider_that_stays_down_is_given_up_with_its_reason(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    def down(texts: Sequence[str]) -> None:
        raise ProviderUnavailable("The provider does not answer.")

    embedder.before = down
    receipt = uploader.upload("guide.md", "The tide turns at noon.")
    for _ in range(ATTEMPTS):
        worker.wait_out_pauses()
        worker.drain()
    assert receipt.job_id is not None
    job = knowledge_base.services.jobs.get(receipt.job_id)
    assert (job.state, job.attempts) == (JobState.FAILED, ATTEMPTS)
    assert job.error == "The provider does not answer."


def test_a_tidb_that_is_away_for_a_moment_costs_a_job_neither_an_attempt_nor_a_pause(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    receipt = uploader.upload("guide.md", "The tide turns at noon.")

    def away(_: object) -> None:
        embedder.before = None
        raise DatabaseUnavailable("TiDB does not answer.")

    embedder.before = away
    worker.drain()
    assert receipt.job_id is not None
    job = knowledge_base.services.jobs.get(receipt.job_id)
    assert (job.state, job.attempts, job.error) == (JobState.SUCCEEDED, 1, None)


def test_a_job_that_met_a_fault_of_ours_is_taken_up_again_within_seconds(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    receipt = uploader.upload("guide.md", "The tide turns at noon.")

    def fault(_: object) -> None:
        embedder.before = None
        raise ZeroDivisionError

    embedder.before = fault
    with pytest.raises(ZeroDivisionError):
        worker.drain()
    assert receipt.job_id is not None
    soon = f"id = {receipt.job_id} AND lease_until <= UTC_TIMESTAMP() + INTERVAL 6 SECOND"
    assert knowledge_base.rows("jobs", soon) == 1
    knowledge_base.execute("UPDATE jobs SET lease_until = UTC_TIMESTAMP() - INTERVAL 1 SECOND")
    worker.drain()
    assert knowledge_base.services.jobs.get(receipt.job_id).state == JobState.SUCCEEDED


def test_a_text_that_the_provider_refuses_fails_alone(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    def refuse(texts: Sequence[str]) -> None:
        if any("forbidden" in text for text in texts):
            raise ProviderError("The provider refuses this text.")

    embedder.before = refuse
    bad = uploader.upload("bad.md", "These are forbidden words.")
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    assert bad.job_id is not None
    assert knowledge_base.services.jobs.get(bad.job_id).error == "The provider refuses this text."
    assert knowledge_base.search(QUESTION).names() == ["guide.md"]


def test_a_job_that_ends_its_worker_each_time_is_given_up_and_takes_no_other_with_it(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    fatal = uploader.upload("fatal.md", "This one ends whoever reads it.")
    uploader.upload("guide.md", "The tide turns at noon.")
    for _ in range(ATTEMPTS + 1):  # twice together, then each by itself, in any order
        claim = worker.take()
        if any(job.document_id == fatal.document_id for job in claim.jobs):
            worker.fall_silent(claim)  # died
        else:
            worker.run(claim)
    worker.drain()
    knowledge_base.services.jobs.give_up()
    assert fatal.job_id is not None
    assert knowledge_base.services.jobs.get(fatal.job_id).state is JobState.FAILED
    assert knowledge_base.search(QUESTION).names() == ["guide.md"]
