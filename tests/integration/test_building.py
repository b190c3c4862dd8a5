"""What interrupts the build of an index: it goes on where it was, or says why it does not."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from app.errors import (
    DatabaseUnavailable,
    IndexConflict,
    ProviderError,
    ProviderUnavailable,
)
from app.indexes.builds import BuildClaim, BuildStore
from app.indexes.index import IndexState
from app.indexes.recipe import Recipe
from app.ingestion import building
from app.ingestion.job import JobState
from tests.fakes import WatchedEmbedder
from tests.integration.parts import (
    QUESTION,
    Indexes,
    MortalWorker,
    SearchableBase,
    Uploader,
    meanwhile,
)


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
    second.before = lambda _: meanwhile(lambda: switch.pause(indexes.id, built.id))
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
    second.before = lambda _: meanwhile(lambda: drop(indexes.id, built.id))
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
