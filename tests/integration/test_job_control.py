"""Steering the queue: pausing, cancelling, trying again, and who comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest

from app.errors import JobNotFound, JobNotSteerable, ProviderError
from app.ingestion.ingest import CHUNKS_A_BATCH
from app.ingestion.job import JobState
from app.ingestion.job_store import SMALL
from tests.fakes import WatchedEmbedder
from tests.integration.parts import (
    QUESTION,
    MortalWorker,
    SearchableBase,
    Uploader,
    long_text,
    meanwhile,
)


def state_of(base: SearchableBase, job_id: int | None) -> JobState:
    assert job_id is not None
    return base.services.jobs.get(job_id).state


def test_a_paused_job_waits_until_it_is_resumed(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    control = knowledge_base.services.job_control
    job_id = uploader.upload("guide.md", "The tide turns at noon.").job_id
    assert job_id is not None
    control.pause(job_id)
    worker.drain()
    assert state_of(knowledge_base, job_id) is JobState.PAUSED
    control.resume(job_id)
    worker.drain()
    assert state_of(knowledge_base, job_id) is JobState.SUCCEEDED


@pytest.mark.parametrize("how", ["job", "knowledge base"])
def test_what_is_paused_while_it_is_embedded_goes_on_later_and_embeds_nothing_twice(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
    how: str,
) -> None:
    control = knowledge_base.services.job_control
    job_id = uploader.upload("buoys.md", long_text(2 * CHUNKS_A_BATCH + 40)).job_id
    assert job_id is not None

    def pause_at_second_batch(texts: Sequence[str]) -> None:
        if embedder.embedded:
            embedder.before = None
            if how == "job":
                meanwhile(lambda: control.pause(job_id))
            else:
                meanwhile(lambda: control.pause_all(knowledge_base.base))

    embedder.before = pause_at_second_batch
    worker.drain()
    wasted = len(embedder.embedded) - knowledge_base.rows("chunks_{index}")
    assert wasted == CHUNKS_A_BATCH  # the batch that was at hand
    assert not knowledge_base.services.jobs.get(job_id).state.ended
    if how == "job":
        control.resume(job_id)
    else:
        control.resume_all(knowledge_base.base)
    worker.drain()
    job = knowledge_base.services.jobs.get(job_id)
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 1)
    assert len(embedder.embedded) - wasted == knowledge_base.rows("chunks_{index}")


def test_a_paused_knowledge_base_takes_uploads_in_and_ingests_none(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    services = knowledge_base.services
    services.job_control.pause_all(knowledge_base.base)
    assert services.knowledge_bases.get(knowledge_base.base.name).paused
    receipt = uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    assert state_of(knowledge_base, receipt.job_id) is JobState.READY
    services.job_control.resume_all(knowledge_base.base)
    worker.drain()
    assert knowledge_base.search(QUESTION).names() == ["guide.md"]


def test_a_cancelled_job_leaves_the_document_at_its_older_revision(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    job_id = uploader.upload("guide.md", "The tide turns at dusk.").job_id
    assert job_id is not None
    claim = worker.take()
    knowledge_base.services.job_control.cancel(job_id)
    worker.run(claim)
    worker.drain()
    assert state_of(knowledge_base, job_id) is JobState.CANCELLED
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at noon."]
    # Whoever uploads the same bytes again wants them after all.
    again = uploader.upload("guide.md", "The tide turns at dusk.")
    worker.drain()
    assert again.job_id not in {None, job_id}
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at dusk."]


def test_what_failed_is_tried_again_by_itself_or_with_all_others(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    def refuse(texts: Sequence[str]) -> None:
        raise ProviderError("The provider refuses this text.")

    embedder.before = refuse
    first, second, gone, replaced = (
        uploader.upload(name, f"The tide turns at {name}.")
        for name in ("noon", "dusk", "dawn", "night")
    )
    worker.drain()
    services = knowledge_base.services
    services.deletion.delete(gone.document_id)
    embedder.before = None
    uploader.upload("night", "The tide turns when it is dark.")
    worker.drain()
    # Neither a deleted document's failure nor one that something newer came after needs anybody.
    assert services.jobs.counts(knowledge_base.base.id)[JobState.FAILED] == 2
    failures = services.jobs.failures(knowledge_base.base.id)
    assert [job.document_name for job in failures] == ["dusk", "noon"]
    assert first.job_id is not None
    services.job_control.retry(first.job_id)
    worker.drain()
    assert state_of(knowledge_base, first.job_id) is JobState.SUCCEEDED
    assert services.job_control.retry_failed(knowledge_base.base) == 1
    worker.drain()
    assert state_of(knowledge_base, second.job_id) is JobState.SUCCEEDED
    assert services.jobs.failures(knowledge_base.base.id) == ()
    assert gone.job_id is not None
    assert replaced.job_id is not None
    with pytest.raises(JobNotFound):
        services.job_control.retry(gone.job_id)
    with pytest.raises(JobNotSteerable):
        services.job_control.retry(replaced.job_id)
    for act in (services.job_control.pause, services.job_control.cancel):
        with pytest.raises(JobNotSteerable):
            act(first.job_id)


def test_small_and_new_documents_come_before_bulk_and_none_waits_for_ever(
    knowledge_base: SearchableBase, uploader: Uploader
) -> None:
    uploader.upload("bulk-1.md", "The first of many.")
    uploader.upload("bulk-2.md", "The second of many.")
    uploader.upload("large.md", "Long. " * (SMALL // 6 + 1))
    uploader.upload("new.md", "One file.")

    def claimed(lot: float) -> str:
        claim = replace(knowledge_base.services.jobs, lot=lambda: lot).claim(1, SMALL)
        assert claim is not None
        return claim.jobs[0].document_name

    assert [claimed(lot) for lot in (0.9, 0.0, 0.9, 0.9)] == [
        "new.md",
        "bulk-1.md",
        "bulk-2.md",
        "large.md",
    ]


def test_workers_share_themselves_between_knowledge_bases_whatever_waits_in_each(
    knowledge_base: SearchableBase, uploader: Uploader
) -> None:
    services = knowledge_base.services
    other = services.knowledge_bases.create(f"other-{knowledge_base.base.name}")
    for number in range(20):
        uploader.upload(f"bulk-{number}.md", f"One of many: {number}.")
    Uploader(services, other).upload("single.md", "The only one.")

    def claimed(lot: float) -> int:
        claim = replace(services.jobs, lot=lambda: lot).claim(1, SMALL)
        assert claim is not None
        services.jobs.release(claim)
        return claim.jobs[0].knowledge_base_id

    # About as many fall to the one that has a single document as to the one that has twenty:
    # with a share by documents, it would be two of forty. TiDB names the two in any order.
    shares = [claimed(lot / 40) for lot in range(40)]
    assert shares.count(other.id) + shares.count(knowledge_base.base.id) == 40
    assert 8 <= shares.count(other.id) <= 32
    services.knowledge_bases.delete(other.name)


def test_names_that_differ_in_case_or_accents_are_different_documents(
    knowledge_base: SearchableBase, uploader: Uploader
) -> None:
    ids = {uploader.upload(name, "Text.").document_id for name in ("A.md", "a.md", "á.md")}
    assert len(ids) == 3


def test_jobs_are_steered_over_http(
    http: httpx.Client, knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    base = f"/api/knowledge-bases/{knowledge_base.base.name}"
    job = uploader.upload("broken.pdf", b"%PDF-1.7\nnothing that follows is a PDF").job_id
    for action, state in (("pause", "paused"), ("resume", "ready"), ("cancel", "cancelled")):
        reply = http.post(f"/api/jobs/{job}/{action}")
        assert (reply.status_code, reply.json()["state"]) == (200, state)
    refused = http.post(f"/api/jobs/{job}/pause")
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "job_not_steerable"
    assert refused.json()["error"]["message"] == f"Job {job} was cancelled: it cannot be paused."
    assert http.post(f"/api/jobs/{job}/retry").json()["state"] == "ready"
    worker.drain()
    told = http.get(f"{base}/failures").json()
    assert (told["total"], [each["id"] for each in told["jobs"]]) == (1, [job])
    assert told["jobs"][0]["error"]["remedy"]
    assert http.post(f"{base}/pause").json() == {"paused": True}
    assert http.get(base).json()["paused"] is True
    assert http.post(f"{base}/failures/retry").json() == {"retried": 1}
    assert http.get(f"{base}/failures").json()["total"] == 0
    assert http.post(f"{base}/resume").json() == {"paused": False}
