"""Waiting for TiFlash, by what such a server was recorded to say; for real where there is one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import pytest

from app.indexes.index import Index, IndexState
from app.indexes.recipe import Recipe
from app.indexes.store import IndexStore
from app.indexes.vector_index import VectorIndexProgress, vector_index_progress
from app.ingestion import building
from tests.integration.parts import (
    Indexes,
    MortalWorker,
    Uploader,
)


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
