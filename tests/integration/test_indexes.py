"""What a team may rely on while the embedding model of its knowledge base is changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from app.errors import (
    DatabaseUnavailable,
    IndexConflict,
    IndexNotFound,
    ProviderError,
    ProviderUnavailable,
)
from app.indexes.builds import MOST_INDEXES, BuildClaim, BuildStore
from app.indexes.index import Index, IndexState
from app.indexes.recipe import Recipe
from app.indexes.standing import Standing, holdings
from app.indexes.store import IndexStore
from app.indexes.vector_index import VectorIndexProgress, vector_index_progress
from app.ingestion import building
from app.ingestion.job import JobState
from app.retrieval.passage import Query
from app.services import Services
from tests.fakes import WatchedEmbedder
from tests.integration.parts import MortalWorker, SearchableBase, Uploader

QUESTION = "when does the tide turn"


@pytest.fixture(scope="module")
def second(services: Services, watched: WatchedEmbedder) -> WatchedEmbedder:
    """The embedder of the new recipe."""
    return WatchedEmbedder(watched.real)


@pytest.fixture
def new_model(
    services: Services, second: WatchedEmbedder, watched: WatchedEmbedder
) -> Iterator[Recipe]:
    """The recipe of another model, whose embedder is watched."""
    recipe = replace(services.changeover.recipes.of_settings(), model="local/second")
    key = (recipe.model, recipe.dimensions, recipe.query_prefix, recipe.document_prefix)
    services.retriever.embedders._made[key] = second
    second.embedded.clear()
    watched.embedded.clear()
    yield recipe
    second.before = None
    watched.before = None


class Indexes:
    """The indexes of the test's knowledge base."""

    def __init__(self, knowledge_base: SearchableBase) -> None:
        self.knowledge_base = knowledge_base
        self.services = knowledge_base.services
        self.id = knowledge_base.base.id

    def start(self, recipe: Recipe) -> Index:
        return self.services.builds.start(self.id, recipe)

    def state(self, index: Index) -> IndexState:
        return self.services.indexes.get(self.id, index.id).state

    def active(self) -> int:
        index = self.services.indexes.active(self.id)
        assert index is not None
        return index.id

    def promote(self, index: Index) -> None:
        self.services.switch.promote(self.id, index.id)

    def found(self, index: Index, question: str = QUESTION) -> list[str]:
        retrieval = self.services.retriever.retrieve_from(index, Query(question), 10)
        return sorted(passage.text for passage in retrieval.passages)

    def same_as_documents(self, index: Index) -> bool:
        database = self.services.database
        return database.transaction(
            lambda s: holdings(s, [index.id])[index.id].live == Standing.of_base(s, self.id)
        )


@pytest.fixture
def indexes(knowledge_base: SearchableBase) -> Indexes:
    return Indexes(knowledge_base)


def test_a_new_index_is_built_beside_the_active_one_and_takes_over_when_promoted(  # noqa: PLR0917
    indexes: Indexes,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    second: WatchedEmbedder,
    watched: WatchedEmbedder,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    uploader.upload("seals.md", "Seals sleep on the sandbank.")
    worker.drain()
    before = indexes.active()
    watched.embedded.clear()
    built = indexes.start(new_model)
    assert indexes.active() == before
    worker.drain()
    assert indexes.state(built) == IndexState.READY
    assert sorted(second.embedded) == ["Seals sleep on the sandbank.", "The tide turns at noon."]
    assert watched.embedded == []
    assert indexes.active() == before
    indexes.promote(built)
    assert indexes.active() == built.id
    assert knowledge_base.search(QUESTION).names()[0] == "guide.md"
    assert indexes.services.switch.revert(indexes.id) == before
    assert indexes.active() == before
    assert indexes.state(built) == IndexState.RETIRED


def test_uploads_updates_and_deletions_go_to_every_index(
    indexes: Indexes,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    second: WatchedEmbedder,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    gone = uploader.upload("old.md", "The old pier is closed.")
    worker.drain()
    built = indexes.start(new_model)
    worker.drain()
    uploader.upload("guide.md", "The tide turns at dusk.")
    uploader.upload("new.md", "The new pier is open.")
    worker.drain()
    indexes.services.deletion.delete(gone.document_id)
    expected = ["The new pier is open.", "The tide turns at dusk."]
    assert indexes.found(built) == expected
    assert indexes.state(built) == IndexState.READY
    assert indexes.same_as_documents(built)
    former = indexes.services.indexes.get(indexes.id, indexes.active())
    indexes.promote(built)
    uploader.upload("guide.md", "The tide turns at six.")
    worker.drain()
    assert indexes.found(former) == ["The new pier is open.", "The tide turns at six."]
    assert indexes.services.switch.revert(indexes.id) == former.id


def test_a_build_goes_on_where_a_worker_died(  # noqa: PLR0917
    indexes: Indexes,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    second: WatchedEmbedder,
) -> None:
    text = "\n\n".join(f"At buoy {n} the tide turns later than at noon." for n in range(300))
    uploader.upload("long.md", text)
    uploader.upload("short.md", "Seals sleep on the sandbank.")
    worker.drain()
    built = indexes.start(new_model)

    def die(texts: Sequence[str]) -> None:
        if texts and len(second.embedded) >= 256:
            raise KeyboardInterrupt

    second.before = die
    with pytest.raises(KeyboardInterrupt):
        worker.drain()
    second.before = None
    half = list(second.embedded)
    assert knowledge_base.rows(f"chunks_{built.id}") == 256
    assert indexes.state(built) == IndexState.BUILDING
    knowledge_base.execute(
        "UPDATE indexes SET owner = 'dead', lease_until = NOW() - INTERVAL 1 DAY"
    )
    worker.drain()
    assert indexes.state(built) == IndexState.READY
    assert len(second.embedded) == len(set(second.embedded)) == 301
    assert len(half) == 256
    assert knowledge_base.rows(f"chunks_{built.id}") == 301


def test_a_document_that_changes_while_the_index_is_built_is_there_in_its_newest_state_only(  # noqa: PLR0917
    indexes: Indexes,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    second: WatchedEmbedder,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    gone = uploader.upload("gone.md", "The old pier is closed.")
    worker.drain()
    built = indexes.start(new_model)
    changed = threading.Event()

    def change(_: object) -> None:
        if not changed.is_set():
            changed.set()
            _meanwhile(lambda: _change(uploader, worker, gone.document_id))

    second.before = change
    worker.drain()
    assert changed.is_set()
    assert indexes.state(built) == IndexState.READY
    assert indexes.found(built) == ["The tide turns at dusk."]
    assert indexes.same_as_documents(built)
    worker.clear()
    assert knowledge_base.rows(f"chunks_{built.id}") == 1
    assert knowledge_base.rows("indexed_revisions", f"index_id = {built.id}") == 1


def _change(uploader: Uploader, worker: MortalWorker, gone: int) -> None:
    uploader.upload("guide.md", "The tide turns at dusk.")
    worker.run(worker.take())
    uploader.services.deletion.delete(gone)


def _meanwhile(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_other_chunking_under_the_same_model_embeds_only_what_changed(
    indexes: Indexes, uploader: Uploader, worker: MortalWorker, embedder: WatchedEmbedder
) -> None:
    long = " ".join(["The pilot boards at the fairway buoy and asks for the draught."] * 3)
    uploader.upload("short.md", "The tide turns at noon.")
    uploader.upload("long.md", long)
    worker.drain()
    embedder.embedded.clear()
    recipe = indexes.services.changeover.recipes.of_settings()
    built = indexes.start(replace(recipe, chunk_tokens=64))
    worker.drain()
    assert embedder.embedded == [long]
    assert indexes.state(built) == IndexState.READY


def test_another_prefix_for_questions_embeds_nothing(
    indexes: Indexes, uploader: Uploader, worker: MortalWorker, embedder: WatchedEmbedder
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    embedder.embedded.clear()
    built = indexes.start(
        replace(indexes.services.changeover.recipes.of_settings(), query_prefix="query: ")
    )
    worker.drain()
    assert indexes.state(built) == IndexState.READY
    assert embedder.embedded == []
    assert indexes.found(built) == ["The tide turns at noon."]


def test_an_index_that_lacks_something_is_not_promoted(
    indexes: Indexes, uploader: Uploader, worker: MortalWorker, new_model: Recipe
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    built = indexes.start(new_model)
    with pytest.raises(IndexConflict, match="lacks revisions"):
        indexes.promote(built)
    indexes.services.switch.pause(indexes.id, built.id)
    worker.drain()
    assert indexes.state(built) == IndexState.PAUSED
    indexes.services.switch.resume(indexes.id, built.id)
    worker.drain()
    assert indexes.state(built) == IndexState.READY


def test_a_build_that_was_paused_in_the_middle_goes_on_as_soon_as_it_is_to(
    indexes: Indexes,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    second: WatchedEmbedder,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    built = indexes.start(new_model)
    switch = indexes.services.switch
    second.before = lambda _: _meanwhile(lambda: switch.pause(indexes.id, built.id))
    worker.drain()
    assert indexes.state(built) == IndexState.PAUSED
    second.before = None
    switch.resume(indexes.id, built.id)
    worker.drain()
    assert indexes.state(built) == IndexState.READY
    assert indexes.found(built) == ["The tide turns at noon."]


def test_a_build_that_is_cancelled_in_the_middle_leaves_nothing(  # noqa: PLR0917
    indexes: Indexes,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    second: WatchedEmbedder,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    built = indexes.start(new_model)
    drop = indexes.services.switch.drop
    second.before = lambda _: _meanwhile(lambda: drop(indexes.id, built.id))
    worker.drain()
    worker.clear()
    assert knowledge_base.execute(f"SHOW TABLES LIKE '%\\_{built.id}'") == []
    assert knowledge_base.rows("indexed_revisions", f"index_id = {built.id}") == 0
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at noon."]


def test_a_build_that_met_a_fault_of_ours_says_so_and_goes_on_after_a_pause(  # noqa: PLR0917
    indexes: Indexes,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    second: WatchedEmbedder,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    built = indexes.start(new_model)

    def fault(_: object) -> None:
        raise ZeroDivisionError

    second.before = fault
    with pytest.raises(ZeroDivisionError):
        worker.drain()
    second.before = None
    report = indexes.services.changeover.reports.one(indexes.id, built.id)
    assert report.index.state == IndexState.BUILDING
    assert report.error == "The build met a fault of Tidemark's own."
    assert not indexes.services.building.run_next(threading.Event())
    knowledge_base.execute("UPDATE indexes SET not_before = NULL")
    worker.drain()
    assert indexes.state(built) == IndexState.READY


def test_a_build_goes_on_as_soon_as_tidb_is_back(  # noqa: PLR0917
    indexes: Indexes,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    second: WatchedEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(building, "AWAY_PAUSE", 0.01)
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    built = indexes.start(new_model)
    release, refusals = BuildStore.release, [1, 2]

    def released(builds: BuildStore, claim: BuildClaim) -> None:
        if refusals:
            refusals.pop()
            raise DatabaseUnavailable("TiDB does not answer.")
        release(builds, claim)

    def go_away(_: object) -> None:
        second.before = None
        raise DatabaseUnavailable("TiDB does not answer.")

    second.before = go_away
    monkeypatch.setattr(BuildStore, "release", released)
    worker.drain()
    assert refusals == []
    assert indexes.state(built) == IndexState.READY


def test_a_model_that_fails_holds_up_no_upload_and_the_index_is_brought_up_to_date_later(  # noqa: PLR0917
    indexes: Indexes,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    second: WatchedEmbedder,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    built = indexes.start(new_model)
    worker.drain()

    def away(_: object) -> None:
        raise ProviderUnavailable("The provider is away.")

    second.before = away
    receipt = uploader.upload("new.md", "The new pier is open.")
    worker.drain()
    assert receipt.job_id is not None
    assert indexes.services.jobs.get(receipt.job_id).state == JobState.SUCCEEDED
    assert "The new pier is open." in knowledge_base.search("pier").texts()
    assert indexes.state(built) == IndexState.BUILDING
    with pytest.raises(IndexConflict, match="lacks revisions"):
        indexes.promote(built)
    second.before = None
    knowledge_base.execute("UPDATE indexes SET not_before = NULL")
    worker.drain()
    assert indexes.state(built) == IndexState.READY
    assert indexes.same_as_documents(built)


def test_a_build_that_can_never_succeed_fails_with_the_reason(  # noqa: PLR0917
    indexes: Indexes,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    second: WatchedEmbedder,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    built = indexes.start(new_model)

    def refused(_: object) -> None:
        raise ProviderError("The provider refuses the key.")

    second.before = refused
    worker.drain()
    assert indexes.state(built) == IndexState.FAILED
    error = knowledge_base.execute(
        f"SELECT error, remedy FROM indexes WHERE id = {built.id}"  # noqa: S608
    )
    assert error[0][0] == "The provider refuses the key."
    assert error[0][1]
    assert knowledge_base.search(QUESTION).texts() == ["The tide turns at noon."]


def test_a_dropped_index_is_cleared_and_a_search_that_began_on_it_ends_well(
    indexes: Indexes,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    built = indexes.start(new_model)
    worker.drain()
    indexes.services.switch.drop(indexes.id, built.id)
    assert indexes.found(built) == ["The tide turns at noon."]
    with pytest.raises(IndexNotFound):
        indexes.services.switch.promote(indexes.id, built.id)
    worker.clear()
    assert knowledge_base.execute(f"SHOW TABLES LIKE '%\\_{built.id}'") == []
    assert knowledge_base.rows("indexed_revisions", f"index_id = {built.id}") == 0
    assert indexes.start(new_model).id != built.id


def test_the_active_index_cannot_be_dropped_and_recipes_and_numbers_are_held(
    indexes: Indexes, uploader: Uploader, worker: MortalWorker
) -> None:
    recipe = indexes.services.changeover.recipes.of_settings()
    with pytest.raises(IndexConflict, match="no index yet"):
        indexes.start(recipe)
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    with pytest.raises(IndexConflict, match="active"):
        indexes.services.switch.drop(indexes.id, indexes.active())
    with pytest.raises(IndexConflict, match="no former index"):
        indexes.services.switch.revert(indexes.id)
    with pytest.raises(IndexConflict, match="has this recipe already"):
        indexes.start(recipe)
    for extra in range(MOST_INDEXES - 1):
        indexes.start(replace(recipe, chunk_tokens=17 + extra))
    with pytest.raises(IndexConflict, match="4 indexes"):
        Indexes.start(indexes, replace(recipe, chunk_tokens=40))


def test_a_switch_during_an_ingest_loses_no_document(  # noqa: PLR0917
    indexes: Indexes,
    knowledge_base: SearchableBase,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    embedder: WatchedEmbedder,
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    uploader.upload("new.md", "The new pier is open.")
    switched = threading.Event()

    def switch(_: object) -> None:
        if not switched.is_set():
            switched.set()
            _meanwhile(lambda: _build_and_promote(indexes, new_model))

    embedder.before = switch
    worker.drain()
    assert switched.is_set()
    assert indexes.found(indexes.services.indexes.get(indexes.id, indexes.active()), "pier") == [
        "The new pier is open.",
        "The tide turns at noon.",
    ]
    assert sorted(knowledge_base.search("pier").names()) == ["guide.md", "new.md"]


def _build_and_promote(indexes: Indexes, recipe: Recipe) -> None:
    built = indexes.start(recipe)
    indexes.services.building.run_next(threading.Event())
    indexes.promote(built)


@dataclass(frozen=True)
class WithTiFlash(IndexStore):
    """As on a server with TiFlash, which says of the vector index what was recorded."""

    replies: list[VectorIndexProgress] = field(default_factory=list)
    looks: list[IndexState] = field(default_factory=list)
    used: bool = True

    def vector_index_progress(self, index: Index) -> VectorIndexProgress:
        self.looks.append(self.get(index.knowledge_base_id, index.id).state)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def merge_recent_rows(self, index: Index) -> None:
        pass

    def uses_vector_index(self, index: Index) -> bool:
        return self.used and index.id > 0


def recorded(
    replica: float, indexed: int, waiting: int, *, available: bool = True, error: str = ""
) -> VectorIndexProgress:
    return VectorIndexProgress(available, replica, indexed, waiting, 0, error)


def test_an_index_is_ready_once_tiflash_has_built_its_vector_index_and_not_before(  # noqa: PLR0917
    indexes: Indexes,
    uploader: Uploader,
    worker: MortalWorker,
    new_model: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(building, "VECTOR_INDEX_PAUSE", 0.01)
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    replies = [recorded(0.4, 0, 0, available=False), recorded(1, 0, 9), recorded(1, 9, 0)]
    server = WithTiFlash(indexes.services.database, replies=replies, used=False)
    builder = replace(indexes.services.building, indexes=server)
    built = indexes.start(new_model)
    assert builder.run_next(threading.Event())
    assert set(server.looks) == {IndexState.BUILDING}
    assert len(server.looks) >= 3
    assert indexes.state(built) == IndexState.READY
    assert "TiDB does not use the vector index" in caplog.text


def test_a_vector_index_that_tiflash_cannot_build_is_told_of_and_tried_again(
    indexes: Indexes, uploader: Uploader, worker: MortalWorker, new_model: Recipe
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    failed = recorded(1, 0, 9, error="Cannot allocate memory")
    server = WithTiFlash(indexes.services.database, replies=[failed])
    built = indexes.start(new_model)
    replace(indexes.services.building, indexes=server).run_next(threading.Event())
    report = indexes.services.changeover.reports.one(indexes.id, built.id)
    assert report.index.state == IndexState.BUILDING
    assert report.error is not None
    assert "Cannot allocate memory" in report.error
    indexes.services.switch.drop(indexes.id, built.id)


def test_the_progress_of_a_vector_index_is_asked_in_words_that_tidb_understands(
    indexes: Indexes, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    services = indexes.services
    index = services.indexes.active(indexes.id)
    assert index is not None
    progress = services.database.transaction(lambda s: vector_index_progress(s, index.id))
    if services.capabilities.tiflash_stores:
        assert not progress.error
    else:
        assert progress == recorded(0.0, 0, 0, available=False)
        assert services.indexes.vector_index_progress(index) is None
