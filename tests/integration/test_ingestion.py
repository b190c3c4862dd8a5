"""What a reader, an uploader and a person on call may rely on while documents are ingested."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import (
    EmptyDocument,
    InvalidName,
    ProviderError,
)
from app.ingestion.ingest import CHUNKS_A_BATCH
from app.ingestion.job import JobState
from tests.fakes import WatchedEmbedder
from tests.integration.parts import (
    QUESTION,
    MortalWorker,
    SearchableBase,
    Uploader,
    long_text,
    meanwhile,
)


def test_a_reader_sees_the_old_revision_until_the_new_one_is_whole(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    uploader.upload("guide.md", "The tide turns at dusk.")
    worker.run_until("embedded")
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at noon."]
    worker.drain()
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at dusk."]


def test_the_same_bytes_twice_do_nothing_and_say_so(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    first = uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    again = uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    assert again.unchanged
    assert again.document_id == first.document_id
    assert embedder.embedded == ["The tide turns at noon."]
    assert knowledge_base.rows("revisions", f"document_id = {first.document_id}") == 1


def test_the_same_bytes_while_they_wait_are_the_same_job(uploader: Uploader) -> None:
    first = uploader.upload("guide.md", "The tide turns at noon.")
    assert uploader.upload("guide.md", "The tide turns at noon.").job_id == first.job_id


@pytest.mark.parametrize("newer_ends_first", [True, False])
def test_a_newer_upload_wins_whatever_order_workers_end_in(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    *,
    newer_ends_first: bool,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    older = worker.take()
    uploader.upload("guide.md", "The tide turns at dusk.")
    newer = worker.take()
    for claim in (newer, older) if newer_ends_first else (older, newer):
        worker.run(claim)
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at dusk."]
    worker.clear()
    assert knowledge_base.rows("chunks_{index}") == 1


@pytest.mark.parametrize("alike", [False, True])
def test_uploads_of_one_name_at_once_are_revisions_of_one_document(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker, *, alike: bool
) -> None:
    hours = ["noon"] * 4 if alike else ["noon", "dusk", "dawn", "midnight"]
    together = threading.Barrier(len(hours))

    def upload(hour: str) -> int:
        together.wait()
        return uploader.upload("guide.md", f"The tide turns at {hour}.").document_id

    with ThreadPoolExecutor(len(hours)) as pool:
        (document_id,) = set(pool.map(upload, hours))
    worker.drain()
    documents = knowledge_base.services.documents
    numbers = sorted(each.number for each in documents.revisions(document_id))
    assert numbers == list(range(1, len(set(hours)) + 1))
    current = documents.revision(document_id)
    assert current.number == numbers[-1]
    original = b"".join(documents.original(current)).decode()
    assert knowledge_base.search(QUESTION).texts() == [original]
    worker.clear()
    assert knowledge_base.rows("chunks_{index}") == 1


def test_a_document_replaced_three_times_in_a_row_ends_as_the_last_however_workers_die(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    for hour in ("noon", "dusk", "dawn"):
        document_id = uploader.upload("guide.md", f"The tide turns at {hour}.").document_id
        worker.run_until("embedded")
        assert knowledge_base.search(QUESTION).texts() == []
    worker.drain()
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at dawn."]
    assert len(knowledge_base.services.documents.revisions(document_id)) == 3
    worker.clear()
    assert knowledge_base.rows("chunks_{index}") == 1


def test_two_revisions_in_one_claim_end_with_the_newer_one(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    for hour in ("noon", "dusk", "dawn"):
        uploader.upload("guide.md", f"The tide turns at {hour}.")
    worker.drain()
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at dawn."]


def test_a_new_version_embeds_only_the_chunks_whose_text_changed(
    uploader: Uploader, worker: MortalWorker, embedder: WatchedEmbedder
) -> None:
    kept = "# Tides\n\nThe tide turns at noon on days of a new moon.\n\n"
    uploader.upload(
        "guide.md", kept + "# Boats\n\nBoats leave with the ebb, before the tide turns.\n"
    )
    worker.drain()
    embedder.embedded.clear()
    uploader.upload("guide.md", kept + "# Boats\n\nBoats leave at dawn, whatever the tide does.\n")
    worker.drain()
    assert embedder.embedded
    assert all("Boats" in text for text in embedder.embedded)


def test_the_same_bytes_under_another_name_are_embedded_once(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    embedder.embedded.clear()
    uploader.upload("copy.md", "The tide turns at noon.")
    worker.drain()
    assert embedder.embedded == []
    assert sorted(knowledge_base.search(QUESTION).names()) == ["copy.md", "guide.md"]


def test_a_deleted_document_disappears_from_search_at_once(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    receipt = uploader.upload("guide.md", "The tide turns at noon.")
    uploader.upload("other.md", "Ships leave with the ebb.")
    worker.drain()
    knowledge_base.services.deletion.delete(receipt.document_id)
    assert knowledge_base.search(QUESTION).names() == ["other.md"]


def test_a_document_that_was_deleted_may_be_uploaded_again(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    first = uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    knowledge_base.services.deletion.delete(first.document_id)
    second = uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    worker.clear()
    assert second.document_id != first.document_id
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at noon."]


def test_a_failed_file_has_its_reason_and_the_others_go_on(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    broken = uploader.upload("broken.pdf", b"%PDF-1.7\nnothing that follows is a PDF")
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    assert broken.job_id is not None
    job = knowledge_base.services.jobs.get(broken.job_id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert "PDF" in job.error
    assert job.remedy
    assert knowledge_base.search(QUESTION).names() == ["guide.md"]


def test_a_failed_file_is_tried_again_when_it_is_uploaded_again(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    first = uploader.upload("broken.pdf", b"%PDF-1.7\nnothing that follows is a PDF")
    worker.drain()
    again = uploader.upload("broken.pdf", b"%PDF-1.7\nnothing that follows is a PDF")
    assert again.job_id not in {None, first.job_id}


def test_an_empty_file_or_an_impossible_name_is_refused_before_anything_is_stored(
    knowledge_base: SearchableBase, uploader: Uploader
) -> None:
    with pytest.raises(EmptyDocument):
        uploader.upload("empty.md", "")
    with pytest.raises(InvalidName):
        uploader.upload("line\nbreak.md", "Text.")
    assert knowledge_base.rows("documents", f"knowledge_base_id = {knowledge_base.base.id}") == 0


def test_a_document_deleted_while_it_is_embedded_leaves_nothing(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    receipt = uploader.upload("guide.md", "The tide turns at noon.")
    uploader.upload("other.md", "Ships leave with the ebb.")

    def delete_and_clear() -> None:
        knowledge_base.services.deletion.delete(receipt.document_id)
        worker.clear()

    def deleted_and_cleared(texts: Sequence[str]) -> None:
        embedder.before = None
        meanwhile(delete_and_clear)

    embedder.before = deleted_and_cleared
    worker.drain()
    assert knowledge_base.search(QUESTION).names() == ["other.md"]
    assert knowledge_base.rows("chunks_{index}") == 1


def test_a_knowledge_base_deleted_while_it_is_filled_leaves_nothing(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    uploader.upload("first.md", "Ships leave with the ebb.")
    worker.drain()
    index = knowledge_base.services.indexes.active(knowledge_base.base.id)
    assert index is not None
    receipt = uploader.upload("guide.md", "The tide turns at noon.")

    def deleted(texts: Sequence[str]) -> None:
        meanwhile(lambda: knowledge_base.services.knowledge_bases.delete(knowledge_base.base.name))

    embedder.before = deleted
    claim = worker.take()
    worker.run(claim)
    worker.fall_silent(claim)
    embedder.before = None
    worker.drain()
    assert receipt.job_id is not None
    assert knowledge_base.services.jobs.get(receipt.job_id).state is JobState.FAILED
    worker.clear()
    base = knowledge_base.base.id
    for table in ("documents", "jobs", "indexes"):
        assert knowledge_base.rows(table, f"knowledge_base_id = {base}") == 0, table
    tables = knowledge_base.execute(f"SHOW TABLES LIKE '%\\_{index.id}'")
    assert tables == []


def test_clearing_leaves_nothing_of_what_was_deleted_or_replaced(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    gone = uploader.upload("gone.md", "Ships leave with the ebb.").document_id
    kept = uploader.upload("guide.md", "The tide turns at noon.").document_id
    worker.drain()
    uploader.upload("guide.md", "The tide turns at dusk.")
    worker.drain()
    knowledge_base.services.deletion.delete(gone)
    worker.clear()
    assert knowledge_base.rows("chunks_{index}") == 1
    assert knowledge_base.rows("chunks_{index}", f"document_id = {kept}") == 1
    for table in ("revisions", "jobs", "indexed_revisions"):
        assert knowledge_base.rows(table, f"document_id = {gone}") == 0, table
    assert knowledge_base.rows("documents", f"id = {gone}") == 0
    orphan = "revision_id NOT IN (SELECT id FROM revisions)"
    for table in ("blobs", "revision_texts", "indexed_revisions"):
        assert knowledge_base.rows(table, orphan) == 0, table
    # The text of the replaced revision stays readable: only its chunks are gone.
    assert len(knowledge_base.services.documents.revisions(kept)) == 2


def test_what_failed_half_way_is_cleared_once_something_newer_is_there(
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    embedder: WatchedEmbedder,
) -> None:
    def refuse_second_batch(texts: Sequence[str]) -> None:
        if embedder.embedded:
            raise ProviderError("The provider refuses this text.")

    embedder.before = refuse_second_batch
    uploader.upload("buoys.md", long_text(CHUNKS_A_BATCH + 40))
    worker.drain()
    embedder.before = None
    uploader.upload("buoys.md", "The tide turns at noon.")
    worker.drain()
    worker.clear()
    assert knowledge_base.rows("chunks_{index}") == 1
