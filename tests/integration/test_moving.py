"""Everything in another TiDB: the same rows, found by the same searches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import URL

from app.config import Settings
from app.database.connection import Database
from app.database.moving import MARKER, Move
from app.errors import DatabaseRefused
from tests.fakes import WatchedEmbedder
from tests.integration.parts import MortalWorker, SearchableBase, Uploader, opened
from tests.tidb import fresh_database, make_tables


@pytest.fixture
def target_url(tidb_url: URL) -> Iterator[URL]:
    with fresh_database(tidb_url) as url:
        yield url


@pytest.fixture
def target(target_url: URL) -> Iterator[Database]:
    """An empty database with this version's tables."""
    make_tables(target_url)
    database = Database.connect(target_url)
    yield database
    database.dispose()


@pytest.fixture
def filled(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> SearchableBase:
    for number in range(20):
        uploader.upload(f"{number}.md", f"Berth {number} 🌊 has\ta crane: 'yes', \\ and 100 %.")
    uploader.upload("large.bin.txt", b"The tide turns at noon.\n" * 200)
    guide = uploader.upload("0.md", "Berth 0 has two cranes now.")
    worker.drain()
    knowledge_base.services.questions.save(
        knowledge_base.base.id, "Which berth?", guide.document_id, "Berth 0"
    )
    return knowledge_base


def test_everything_is_there_after_a_move_and_is_found_by_the_same_searches(
    filled: SearchableBase,
    target: Database,
    target_url: URL,
    settings: Settings,
    embedder: WatchedEmbedder,
) -> None:
    moved = Move(filled.services.database, target).run()
    assert moved.tables > 15
    embedder.embedded.clear()
    url = SecretStr(target_url.render_as_string(hide_password=False))
    with opened(settings.model_copy(update={"tidb_database_url": url}), embedder) as services:
        there = SearchableBase(services, services.knowledge_bases.get(filled.base.name))
        assert there.base == filled.services.knowledge_bases.get(filled.base.name)
        for question in ("cranes", "when does the tide turn"):
            passages = there.search(question).retrieval.passages
            assert passages == filled.search(question).retrieval.passages
        document = services.documents.by_name(there.base.id, "0.md")
        assert [revision.number for revision in services.documents.revisions(document.id)] == [2, 1]
        assert services.questions.list(there.base.id) == filled.services.questions.list(
            filled.base.id
        )
        new = services.uploads.receive(there.base, "new.md", [b"Berth 21 is new."])
        services.worker().drain()
        assert "Berth 21 is new." in there.search("new berth").texts()
        assert new.document_id > document.id
        assert embedder.embedded == ["Berth 21 is new."]


def test_a_move_that_was_interrupted_goes_on_and_takes_what_changed_since(
    filled: SearchableBase, uploader: Uploader, worker: MortalWorker, target: Database
) -> None:
    class Interrupted(Exception):
        pass

    for stop_at in ("chunks_", "documents", "revisions"):

        def interrupt(table: str, rows: int, stop_at: str = stop_at) -> None:
            if table.startswith(stop_at) and rows:
                raise Interrupted

        with pytest.raises(Interrupted):
            Move(filled.services.database, target).run(interrupt)
        document = filled.services.documents.by_name(filled.base.id, "7.md")
        filled.services.deletion.delete(document.id)
        uploader.upload("7.md", f"Something else: {stop_at}.")
        worker.drain()
        worker.clear()
    Move(filled.services.database, target).run()
    for table in ("documents", "revisions", "blobs", "chunks_{index}", "postings_{index}", "jobs"):
        index = filled.services.indexes.active(filled.base.id)
        assert index is not None
        rows = f"SELECT * FROM {table.format(index=index.id)}"  # noqa: S608
        with target.engine.connect() as there:
            assert sorted(map(str, there.exec_driver_sql(rows).all())) == sorted(
                map(str, filled.execute(rows))
            )
    with target.engine.connect() as there:
        assert there.exec_driver_sql(f"SHOW TABLES LIKE '{MARKER}'").all() == []


def test_a_database_with_data_of_its_own_is_refused_and_left_as_it_is(
    filled: SearchableBase, target: Database
) -> None:
    with target.engine.begin() as there:
        there.exec_driver_sql(
            "INSERT INTO document_labels (document_id, name, value) VALUES (1, 'year', '2024')"
        )
    with pytest.raises(DatabaseRefused, match="has data already, in document_labels"):
        Move(filled.services.database, target).run()
    with target.engine.connect() as there:
        assert len(there.exec_driver_sql("SELECT * FROM document_labels").all()) == 1
        assert there.exec_driver_sql("SELECT * FROM documents").all() == []


def test_a_change_of_the_source_while_it_is_copied_is_told_of(
    filled: SearchableBase, target: Database
) -> None:
    def change(table: str, _: int) -> None:
        if table == "revisions":
            filled.execute("UPDATE documents SET updated_at = NOW(6) LIMIT 1")

    with pytest.raises(DatabaseRefused, match=r"changed while it was copied: documents"):
        Move(filled.services.database, target).run(change)
    Move(filled.services.database, target).run()
