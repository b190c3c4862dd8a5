"""A document's life: its revisions, its name, its deletion, and its return."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app.errors import DocumentExists, DocumentNotFound, InvalidName, RevisionNotFound
from app.indexes.chunk_table import chunk_ids_of
from app.indexes.chunks import remove_chunks
from app.indexes.index import Presence
from app.ingestion.clearing import Clearing
from app.ingestion.job import JobState
from app.ingestion.wholeness import Wholeness
from app.services import Services
from tests.fakes import WatchedEmbedder
from tests.integration.parts import (
    QUESTION,
    MortalWorker,
    SearchableBase,
    Uploader,
    check,
    long_text,
)

NOON = "The tide turns at noon."
WEEK = timedelta(days=7)
HTML = {"accept": "text/html"}


@pytest.fixture
def guide(uploader: Uploader, worker: MortalWorker) -> int:
    """The id of a document that can be read."""
    receipt = uploader.upload("guide.md", NOON)
    worker.drain()
    return receipt.document_id


@pytest.fixture(autouse=True)
def gone_in_the_end(knowledge_base: SearchableBase) -> Iterator[None]:
    """The base is deleted: what lacks its jobs then would be a fault in the next test's eyes."""
    yield
    knowledge_base.services.knowledge_bases.delete(knowledge_base.base.name)


def clear_chunks(services: Services) -> None:
    """Clear as it is done a minute later, when deleted documents are still kept."""
    Clearing(services.database, grace=timedelta(seconds=-1), keep_deleted=WEEK).clear()


def faults(services: Services) -> list[str]:
    return [fault.what for fault in Wholeness(services.database, services.jobs).inspect()]


def test_a_document_brought_back_at_once_is_found_at_once_and_costs_nothing(
    knowledge_base: SearchableBase, guide: int, worker: MortalWorker, embedder: WatchedEmbedder
) -> None:
    services, base = knowledge_base.services, knowledge_base.base
    services.deletion.delete(guide)
    assert knowledge_base.search(QUESTION).texts() == []
    restored = services.restoration.restore(base, guide)
    assert (restored.document_name, restored.job_ids) == ("guide.md", ())
    assert knowledge_base.search(QUESTION).texts() == [NOON]
    worker.clear()
    assert knowledge_base.search(QUESTION).texts() == [NOON]
    assert embedder.embedded == []
    assert faults(services) == []


def test_a_document_brought_back_later_is_read_at_once_and_found_once_a_worker_was_at_it(
    knowledge_base: SearchableBase, guide: int, worker: MortalWorker
) -> None:
    services, base = knowledge_base.services, knowledge_base.base
    services.deletion.delete(guide)
    clear_chunks(services)
    assert knowledge_base.rows("chunks_{index}") == 0
    restored = services.restoration.restore(base, guide)
    assert services.documents.text(guide)[1].text == NOON
    assert len(restored.job_ids) == 1
    worker.drain()
    assert knowledge_base.search(QUESTION).texts() == [NOON]
    assert faults(services) == []


def test_a_document_brought_back_while_it_is_cleared_ends_whole(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    services, base = knowledge_base.services, knowledge_base.base
    document = uploader.upload("buoys.md", long_text(40)).document_id
    worker.drain()
    chunks = knowledge_base.rows("chunks_{index}")
    revision = services.documents.revision(document)
    index = services.indexes.active(base.id)
    assert index is not None
    services.deletion.delete(document)
    seventh = chunk_ids_of(revision.id)[0] + 7
    for table, chunk in (("chunks", "id"), ("postings", "chunk_id"), ("signatures", "chunk_id")):
        knowledge_base.execute(f"DELETE FROM {table}_{index.id} WHERE {chunk} < {seventh}")  # noqa: S608
    services.restoration.restore(base, document)
    worker.drain()
    # Who was clearing it, and was held up, goes on now.
    remove_chunks(services.database, index.id, revision.id, only=Presence.LEAVING)
    assert knowledge_base.rows("chunks_{index}") == chunks
    assert knowledge_base.rows("signatures_{index}") == chunks


def test_what_a_deletion_cancelled_is_ingested_once_the_document_is_back(
    knowledge_base: SearchableBase, guide: int, uploader: Uploader, worker: MortalWorker
) -> None:
    services, base = knowledge_base.services, knowledge_base.base
    uploader.upload("guide.md", "The tide turns at dusk.")
    services.deletion.delete(guide)
    services.restoration.restore(base, guide)
    assert knowledge_base.search(QUESTION).texts() == [NOON]
    worker.drain()
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at dusk."]


def test_what_a_person_cancelled_stays_cancelled(
    knowledge_base: SearchableBase, guide: int, uploader: Uploader, worker: MortalWorker
) -> None:
    services, base = knowledge_base.services, knowledge_base.base
    receipt = uploader.upload("guide.md", "The tide turns at dusk.")
    assert receipt.job_id is not None
    services.job_control.cancel(receipt.job_id)
    services.deletion.delete(guide)
    assert services.restoration.restore(base, guide).job_ids == ()
    assert services.jobs.get(receipt.job_id).state is JobState.CANCELLED


def test_a_name_that_is_taken_by_then_needs_another(
    knowledge_base: SearchableBase, guide: int, uploader: Uploader, worker: MortalWorker
) -> None:
    services, base = knowledge_base.services, knowledge_base.base
    services.deletion.delete(guide)
    other = uploader.upload("guide.md", "Ships leave with the ebb.").document_id
    worker.drain()
    with pytest.raises(DocumentExists):
        services.restoration.restore(base, guide)
    assert [each.id for each in services.restoration.deleted(base)] == [guide]
    services.restoration.restore(base, guide, "old/guide.md")
    assert services.documents.by_name(base.id, "old/guide.md").id == guide
    assert services.documents.by_name(base.id, "guide.md").id == other
    assert sorted(knowledge_base.search(QUESTION).names()) == ["guide.md", "old/guide.md"]
    assert services.restoration.deleted(base) == ()


def test_what_is_not_kept_any_more_or_was_never_deleted_cannot_be_brought_back(
    knowledge_base: SearchableBase, guide: int, worker: MortalWorker
) -> None:
    services, base = knowledge_base.services, knowledge_base.base
    with pytest.raises(DocumentNotFound):
        services.restoration.restore(base, guide)
    services.deletion.delete(guide)
    over = replace(services.restoration, kept=timedelta(0))
    assert over.deleted(base) == ()
    with pytest.raises(DocumentNotFound):
        over.restore(base, guide)
    other = services.knowledge_bases.create(f"{base.name}-other")
    with pytest.raises(DocumentNotFound):
        services.restoration.restore(other, guide)
    worker.clear()
    with pytest.raises(DocumentNotFound):
        services.restoration.restore(base, guide)


def test_as_many_revisions_are_kept_as_the_settings_say_and_those_that_are_cited(
    knowledge_base: SearchableBase, guide: int, uploader: Uploader, worker: MortalWorker
) -> None:
    services = knowledge_base.services
    for hour in range(5):
        uploader.upload("guide.md", f"The tide turns at {hour}.")
        worker.drain()
    cited = services.documents.revisions(guide)[4]
    assert cited.number == 2
    cite = f"INSERT INTO citations VALUES (1, 0, {guide}, {cited.id}, 0, 5)"  # noqa: S608
    knowledge_base.execute(cite)
    grace = timedelta(seconds=-1)
    Clearing(services.database, grace=grace).clear()
    assert [each.number for each in services.documents.revisions(guide)] == [6, 5, 4, 3, 2, 1]
    Clearing(services.database, grace=grace, keep_revisions=2).clear()
    assert [each.number for each in services.documents.revisions(guide)] == [6, 5, 2]
    knowledge_base.execute("DELETE FROM citations WHERE turn_id = 1")
    Clearing(services.database, grace=grace, keep_revisions=1).clear()
    assert [each.number for each in services.documents.revisions(guide)] == [6]
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at 4."]
    with pytest.raises(RevisionNotFound):
        services.documents.revision(guide, cited.id)
    assert faults(services) == []


def test_a_document_with_another_name_is_the_same_document(
    knowledge_base: SearchableBase, guide: int, uploader: Uploader
) -> None:
    services, base = knowledge_base.services, knowledge_base.base
    assert knowledge_base.search(QUESTION).names() == ["guide.md"]
    services.renaming.rename(guide, "harbour/guide.md")
    assert knowledge_base.search(QUESTION).names() == ["harbour/guide.md"]
    assert services.documents.by_name(base.id, "harbour/guide.md").id == guide
    uploader.upload("guide.md", "Ships leave with the ebb.")
    for name, error in (("guide.md", DocumentExists), ("a\nb", InvalidName), ("", InvalidName)):
        with pytest.raises(error):
            services.renaming.rename(guide, name)
    services.deletion.delete(guide)
    with pytest.raises(DocumentNotFound):
        services.renaming.rename(guide, "other.md")


def test_a_job_in_the_queue_goes_by_the_new_name(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    services = knowledge_base.services
    receipt = uploader.upload("guide.md", NOON)
    services.renaming.rename(receipt.document_id, "harbour.md")
    assert receipt.job_id is not None
    assert services.jobs.get(receipt.job_id).document_name == "harbour.md"
    worker.drain()
    assert knowledge_base.search(QUESTION).names() == ["harbour.md"]


def revise(uploader: Uploader, worker: MortalWorker, *texts: str) -> None:
    for text in texts:
        uploader.upload("guide.md", text)
        worker.drain()


def test_revisions_and_their_difference_are_told_over_http(
    http: httpx.Client, guide: int, uploader: Uploader, worker: MortalWorker
) -> None:
    path = f"/api/documents/{guide}"
    check(http.get(f"{path}/difference"), 404, "revision_not_found")
    revise(uploader, worker, "The tide turns at dusk.", "The tide turns at dusk.\n\nShips leave.")
    told = http.get(f"{path}/revisions").json()
    assert [each["number"] for each in told["revisions"]] == [3, 2, 1]
    ids = {each["number"]: each["id"] for each in told["revisions"]}
    assert told["current"] == ids[3]
    first = http.get(f"{path}/difference", params={"old": ids[1], "new": ids[2]}).json()
    (stretch,) = first["stretches"]
    changed = [p["text"] for line in stretch for p in line["pieces"] if p["changed"]]
    assert changed == ["noon", "dusk"]
    last = http.get(f"{path}/difference").json()
    assert (last["old"]["number"], last["new"]["number"], last["removed"]) == (2, 3, 0)
    assert (last["added"], last["total"]) == (2, 1)
    check(http.get(f"{path}/difference", params={"old": 999_999_999}), 404, "revision_not_found")


def test_a_document_is_renamed_deleted_and_brought_back_over_http(
    http: httpx.Client, knowledge_base: SearchableBase, guide: int, uploader: Uploader
) -> None:
    deleted = f"/api/knowledge-bases/{knowledge_base.base.name}/deleted"
    renamed = http.patch(f"/api/documents/{guide}", json={"name": "a/harbour.md"})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "a/harbour.md")
    uploader.upload("guide.md", "Ships leave with the ebb.")
    taken = http.patch(f"/api/documents/{guide}", json={"name": "guide.md"})
    check(taken, 409, "document_exists")
    assert http.delete(f"/api/documents/{guide}").status_code == 204
    (told,) = http.get(deleted).json()["documents"]
    assert (told["id"], told["name"]) == (guide, "a/harbour.md")
    check(http.post(f"{deleted}/{guide}/restore", json={"as_name": "guide.md"}), 409)
    back = http.post(f"{deleted}/{guide}/restore").json()
    assert back == {"id": guide, "name": "a/harbour.md", "job_ids": []}
    check(http.post(f"{deleted}/{guide}/restore"), 404, "document_not_found")
    assert http.get(deleted).json()["total"] == 0


def test_the_pages_show_what_changed_and_never_as_markup(
    http: httpx.Client, guide: int, uploader: Uploader, worker: MortalWorker
) -> None:
    revise(uploader, worker, "The tide turns at <script>alert(1)</script> noon.")
    history = http.get(f"/documents/{guide}/history", headers=HTML).text
    assert "2 revisions" in history
    page = http.get(f"/documents/{guide}/difference", headers=HTML)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;" in page.text
    assert "revision 2 of 2" in http.get(f"/documents/{guide}", headers=HTML).text


def test_a_document_is_renamed_and_brought_back_on_the_pages(
    http: httpx.Client, knowledge_base: SearchableBase, guide: int
) -> None:
    renamed = http.post(f"/documents/{guide}/name", data={"name": "harbour.md"})
    assert renamed.headers["location"] == f"/documents/{guide}"
    name = knowledge_base.base.name
    assert "7 days" in http.get(f"/documents/delete?document={guide}", headers=HTML).text
    http.post("/documents/delete", data={"document": guide})
    documents = http.get("/documents", params={"knowledge-base": name}, headers=HTML).text
    assert "1 deleted" in documents
    page = http.get("/documents/deleted", params={"knowledge-base": name}, headers=HTML).text
    assert "harbour.md" in page
    back = http.post("/documents/deleted", data={"knowledge-base": name, "deleted": guide})
    assert back.status_code == 303
    assert "1 document brought back." in http.get(back.headers["location"], headers=HTML).text
    assert knowledge_base.search(QUESTION).names() == ["harbour.md"]
