"""Documents that the model of a new index refuses: named, and never left out in silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import httpx
import pytest

from app.errors import IndexConflict, TextRefused
from app.indexes.index import Index, IndexState
from app.indexes.reports import IndexReport
from app.ingestion import building, job_control
from app.ingestion.job import JobState
from app.retrieval.query import Query
from tests.fakes import WatchedEmbedder
from tests.integration.parts import MortalWorker, SearchableBase, Uploader

REFUSED = "Nobody may read of the forbidden reef."


@dataclass
class Particular:
    """A knowledge base with an index of a model that refuses some words."""

    base: SearchableBase
    model: WatchedEmbedder
    index: Index
    refuses: str = "forbidden"

    @property
    def report(self) -> IndexReport:
        return self.base.services.changeover.reports.one(self.base.base.id, self.index.id)

    def promote(self, without: int = 0) -> None:
        self.base.services.switch.promote(self.base.base.id, self.index.id, without)

    def try_again(self) -> None:
        self.base.services.changeover.resume(self.base.base, self.index.id)

    def names(self) -> list[str]:
        return [one.name for one in self.base.services.changeover.refusals.of(self.index.id)]

    def found(self) -> list[str]:
        retriever = self.base.services.retriever
        found = retriever.retrieve_from(self.index, Query("reef"), 10)
        return sorted(passage.document_name for passage in found.passages)

    def refuse(self, texts: Sequence[str]) -> None:
        for text in texts:
            if self.refuses and self.refuses in text:
                raise TextRefused(f"It refuses {text!r}.", remedy="Change that text.")


@pytest.fixture
def particular(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> Iterator[Particular]:
    """Of three documents, one is refused."""
    services = knowledge_base.services
    uploader.upload("a.md", "The tide turns at the reef at noon.")
    uploader.upload("reef.md", REFUSED)
    uploader.upload("z.md", "Seals sleep on the reef while the pilot waits beside it.")
    worker.drain()
    recipe = services.changeover.active(knowledge_base.base).index.recipe
    recipe = replace(recipe, model=f"local/{knowledge_base.base.name}")
    model = WatchedEmbedder(services.embedder)
    services.changeover.recipes.embedders.keep(recipe, model)
    index = services.builds.start(knowledge_base.base.id, recipe)
    particular = Particular(knowledge_base, model, index)
    model.before = particular.refuse
    return particular


def test_a_build_goes_on_without_what_its_model_refuses_and_names_it(
    particular: Particular, worker: MortalWorker
) -> None:
    worker.drain()
    report = particular.report
    assert report.index.state == IndexState.INCOMPLETE
    assert report.refused == 1
    assert not report.in_step
    (refused,) = particular.base.services.changeover.refusals.of(particular.index.id)
    assert refused.name == "reef.md"
    assert refused.error == f"It refuses {REFUSED!r}."
    assert refused.remedy == "Change that text."
    assert particular.found() == ["a.md", "z.md"]
    asked = len(particular.model.embedded)
    worker.drain()
    assert len(particular.model.embedded) == asked, "it is not asked for the same again"


def test_an_index_that_lacks_documents_is_promoted_only_by_whoever_says_without_how_many(
    particular: Particular, worker: MortalWorker, uploader: Uploader
) -> None:
    worker.drain()
    services, base = particular.base.services, particular.base.base
    former = services.changeover.active(base).index.id
    with pytest.raises(IndexConflict, match="its model refuses 1 document"):
        particular.promote()
    uploader.upload("second.md", "A second forbidden place is the harbour.")
    worker.drain()
    assert particular.names() == ["reef.md", "second.md"]
    assert "A second forbidden place is the harbour." in particular.base.search("harbour").texts()
    with pytest.raises(IndexConflict, match="refuses 2 documents"):
        particular.promote(without=1)
    particular.promote(without=2)
    assert services.changeover.active(base).refused == 2
    assert sorted(set(particular.base.search("reef").names())) == ["a.md", "z.md"]
    assert services.switch.revert(base.id) == former
    assert "reef.md" in particular.base.search("forbidden reef").names()
    assert particular.report.index.state == IndexState.INCOMPLETE
    with pytest.raises(IndexConflict, match="refuses 2 documents"):
        services.switch.revert(base.id)
    assert services.switch.revert(base.id, without=2) == particular.index.id


def test_what_was_refused_is_tried_again_when_asked_for(
    particular: Particular, worker: MortalWorker
) -> None:
    worker.drain()
    particular.try_again()
    worker.drain()
    assert particular.names() == ["reef.md"]
    particular.refuses = ""
    particular.try_again()
    worker.drain()
    report = particular.report
    assert (report.index.state, report.refused, report.in_step) == (IndexState.READY, 0, True)
    assert particular.found() == ["a.md", "reef.md", "z.md"]


def test_what_the_active_index_refused_is_tried_again_when_asked_for(
    particular: Particular, worker: MortalWorker
) -> None:
    worker.drain()
    particular.promote(without=1)
    particular.try_again()
    worker.drain()
    failed = particular.base.services.jobs.failures(particular.base.base.id)
    assert [job.document_name for job in failed] == ["reef.md"]
    assert particular.names() == ["reef.md"], "it is still known why"
    particular.refuses = ""
    particular.try_again()
    worker.drain()
    assert particular.names() == []
    assert particular.report.in_step
    assert "reef.md" in particular.base.search("forbidden reef").names()


def test_many_that_the_active_index_refused_are_tried_again_once_each(
    particular: Particular,
    worker: MortalWorker,
    uploader: Uploader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_control, "AT_ONCE", 2)
    for number in range(4):
        uploader.upload(f"{number}.md", f"The forbidden place of number {number}.")
    worker.drain()
    particular.promote(without=5)
    particular.refuses = ""
    services, base = particular.base.services, particular.base.base
    assert services.job_control.retry_refused(base, particular.index.id) == 5
    assert services.job_control.retry_refused(base, particular.index.id) == 0, "they wait already"
    worker.drain()
    assert particular.report.in_step


@pytest.mark.parametrize("remedied_by", ["another version", "deletion"])
def test_an_index_is_ready_once_what_was_refused_is_changed_or_gone(
    particular: Particular, worker: MortalWorker, uploader: Uploader, remedied_by: str
) -> None:
    worker.drain()
    if remedied_by == "deletion":
        services = particular.base.services
        document = services.documents.by_name(particular.base.base.id, "reef.md")
        services.deletion.delete(document.id)
    else:
        uploader.upload("reef.md", "Everybody may read of the reef.")
    worker.drain()
    report = particular.report
    assert (report.index.state, report.refused, report.in_step) == (IndexState.READY, 0, True)
    worker.clear()
    assert particular.base.services.changeover.active(particular.base.base).in_step
    particular.promote()


def test_a_new_version_that_a_kept_index_refuses_is_searchable_and_named(
    particular: Particular, worker: MortalWorker, uploader: Uploader
) -> None:
    particular.refuses = "dusk"
    worker.drain()
    assert particular.report.index.state == IndexState.READY
    receipt = uploader.upload("a.md", "The tide turns at dusk.")
    worker.drain()
    assert receipt.job_id is not None
    assert particular.base.services.jobs.get(receipt.job_id).state == JobState.SUCCEEDED
    assert "The tide turns at dusk." in particular.base.search("tide").texts()
    assert particular.report.index.state == IndexState.INCOMPLETE
    assert particular.names() == ["a.md"]
    assert particular.found() == ["reef.md", "z.md"], "not the old version either"


def test_some_chunks_of_a_long_document_that_was_refused_are_never_found(
    particular: Particular,
    worker: MortalWorker,
    uploader: Uploader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(building, "CHUNKS_A_BATCH", 8)
    long = "\n\n".join(f"At buoy {n} the reef is deep and the tide is strong." for n in range(30))
    uploader.upload("long.md", f"{long}\n\nA forbidden last line.")
    worker.drain()
    assert particular.names() == ["long.md", "reef.md"]
    assert particular.base.rows(f"chunks_{particular.index.id}", "content LIKE 'At buoy%'") > 0
    assert "long.md" not in particular.found()
    worker.clear()
    assert particular.base.rows(f"chunks_{particular.index.id}", "content LIKE 'At buoy%'") == 0
    assert particular.names() == ["long.md", "reef.md"], "they stay known"
    particular.promote(without=2)
    assert "long.md" not in particular.base.search("reef is deep and the tide is strong").names()
    particular.refuses = ""
    particular.try_again()
    worker.drain()
    assert particular.report.in_step
    assert particular.base.rows(f"chunks_{particular.index.id}", "content LIKE 'At buoy%'") == 30


def test_an_incomplete_index_is_not_promoted_by_schedule(
    particular: Particular, worker: MortalWorker
) -> None:
    services, base = particular.base.services, particular.base.base
    before = services.changeover.active(base).index.id
    services.switch.schedule(base.id, particular.index.id, 1.0)
    worker.drain()
    report = particular.report
    assert services.changeover.active(base).index.id == before
    assert report.promote_margin is None
    assert report.error == "It was not promoted by itself: its model refuses 1 document."


def test_the_page_and_the_api_name_what_an_index_lacks_and_promote_without_it(
    particular: Particular, worker: MortalWorker, http: httpx.Client
) -> None:
    worker.drain()
    name, index_id = particular.base.base.name, particular.index.id
    index = f"/api/knowledge-bases/{name}/indexes/{index_id}"
    told = http.get(index).json()
    assert (told["state"], told["refused"], told["in_step"]) == ("incomplete", 1, False)
    listed = http.get(f"{index}/refused").json()
    assert listed["total"] == 1
    assert [one["name"] for one in listed["refused"]] == ["reef.md"]
    refusal = http.post(f"{index}/promote")
    assert refusal.status_code == 409
    assert "refuses 1 document" in refusal.text
    assert http.post(f"{index}/compare").json()["after"]["index_id"] == index_id
    page = http.get("/indexes", params={"knowledge-base": name}).text
    assert "1 document is not in it, because its model refuses it." in page
    assert "Promote without it" in page
    assert "It refuses &#39;Nobody may read" in page
    compared = http.get("/indexes/compare", params={"knowledge-base": name, "index": index_id})
    assert "2, its model refuses 1" in compared.text
    asked = {"knowledge-base": name, "index": index_id, "do": "promote", "without": 1}
    done = http.post("/indexes", data=asked, headers={"origin": str(http.base_url)})
    assert done.status_code == 303
    assert http.get(index).json()["state"] == "active"
    assert http.post(f"{index}/resume").json()["state"] == "active"
    worker.drain()
    page = http.get("/indexes", params={"knowledge-base": name}).text
    assert "Try the refused again" in page
    assert http.post(f"/api/knowledge-bases/{name}/indexes/revert").status_code == 200
    again = http.post(f"{index}/promote", json={"without": 1})
    assert again.json()["state"] == "active"
