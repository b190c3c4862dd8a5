"""What a team may rely on while the embedding model of its knowledge base is changed."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from app.errors import (
    IndexConflict,
    IndexNotFound,
)
from app.indexes import scope
from app.indexes.builds import MOST_INDEXES
from app.indexes.index import IndexState
from app.indexes.recipe import Recipe
from app.indexes.vector_plan import VectorPlanner
from app.indexes.vector_search import VectorSearch
from app.retrieval.query import Mode, Query
from tests.fakes import WatchedEmbedder
from tests.integration.parts import (
    QUESTION,
    Indexes,
    MortalWorker,
    SearchableBase,
    Uploader,
    meanwhile,
)


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
            meanwhile(lambda: _change(uploader, worker, gone.document_id))

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


@pytest.mark.parametrize("many", [0, 200])
def test_what_has_left_is_not_found_by_meaning_nor_by_words_however_much_it_is(
    indexes: Indexes,
    uploader: Uploader,
    worker: MortalWorker,
    monkeypatch: pytest.MonkeyPatch,
    many: int,
) -> None:
    monkeypatch.setattr(scope, "MANY", many)
    services = indexes.services
    uploader.upload("guide.md", "The tide turns at noon.")
    several = [uploader.upload(f"{n}.md", f"The tide turns at {n} o'clock.") for n in range(5)]
    worker.drain()
    for n in (0, 1, 3):  # in a row, and by itself
        services.deletion.delete(several[n].document_id)
    planner = VectorPlanner(services.capabilities, pays_from=0)
    vectors = VectorSearch(services.database, planner)
    for retriever in (services.retriever, replace(services.retriever, vectors=vectors)):
        for mode in (Mode.VECTOR, Mode.KEYWORD):
            found = retriever.retrieve(
                indexes.knowledge_base.base, Query("tide turns", mode=mode), 10
            )
            names = {passage.document_name for passage in found.passages}
            assert names == {"guide.md", "2.md", "4.md"}


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
            meanwhile(lambda: _build_and_promote(indexes, new_model))

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
