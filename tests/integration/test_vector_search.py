"""Vector search by each plan that the server has, held against all the cosines."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from sqlalchemy import event

from app.database.capabilities import Capabilities
from app.database.migrations import alembic_config
from app.indexes.scope import EVERYWHERE, Within
from app.indexes.signatures import signature
from app.indexes.vector_index import create_vector_index, has_vector_index
from app.indexes.vector_plan import VectorPlanner, Way
from app.indexes.vector_search import Neighbours, VectorSearch
from app.retrieval.query import Query
from tests.integration.parts import MortalWorker, SearchableBase, Uploader

SUBJECTS = ("The tide", "A boat", "The lamp", "An engine", "The captain", "A net", "Fresh bread")
ENDS = ("turns at noon.", "waits in the harbour.", "was sold in spring.", "needs repair.")
TEXTS = {f"{n}.txt": f"{s} {e}" for n, (s, e) in enumerate((s, e) for s in SUBJECTS for e in ENDS)}
SINGLE = Capabilities("v8.5.4", "unistore", 0)
QUESTION = "what lies in the port"


@pytest.fixture
def library(
    knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> SearchableBase:
    for name, content in TEXTS.items():
        uploader.upload(name, content)
    worker.drain()
    return knowledge_base


def nearest(
    library: SearchableBase,
    limit: int,
    *documents: int,
    pays_from: int = 1,
    capabilities: Capabilities | None = None,
) -> Neighbours:
    services = library.services
    index = services.indexes.active(library.base.id)
    assert index is not None
    planner = VectorPlanner(capabilities or SINGLE, pays_from)
    vector = services.embedder.embed_query(QUESTION)
    search = VectorSearch(services.database, planner)
    within = Within(documents) if documents else EVERYWHERE
    return search.nearest(index, services.embedder, vector, limit, within)


def signatures(library: SearchableBase) -> dict[int, list[int]]:
    index = library.services.indexes.active(library.base.id)
    assert index is not None
    rows = library.execute(f"SELECT * FROM signatures_{index.id} ORDER BY chunk_id")  # noqa: S608
    return {row[0]: list(row[1:]) for row in rows}


def test_a_first_pass_over_signatures_finds_what_an_exact_search_finds(
    library: SearchableBase,
) -> None:
    quick = nearest(library, 10)
    exact = nearest(library, 10, pays_from=1_000)
    assert (quick.plan.way, exact.plan.way) == (Way.SIGNATURES, Way.EXACT)
    assert quick.found == exact.found


def test_what_is_live_is_counted_by_key_while_tidb_does_not_know_how_much_that_is(
    library: SearchableBase,
) -> None:
    engine = library.services.database.engine
    counted: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        if "sum(indexed_revisions" in statement.lower():
            counted.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        library.search(QUESTION)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(counted) == 2  # of both halves
    with engine.connect() as connection:
        for statement, values in counted:
            steps = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values)]
            assert any("TableRangeScan" in step for step in steps)
            assert not any("IndexLookUp" in step for step in steps)


def test_a_first_pass_looks_only_through_what_the_filter_leaves(library: SearchableBase) -> None:
    last = nearest(library, len(TEXTS)).found[-1]
    documents = [library.services.documents.by_name(library.base.id, name) for name in TEXTS]
    wanted = documents[0].id, documents[1].id
    found = nearest(library, 10, *wanted)
    assert found.plan.way is Way.SIGNATURES
    assert len(found.found) == 2
    assert nearest(library, 10, *wanted).found == nearest(library, 10, *wanted, pays_from=99).found
    assert last.similarity <= min(one.similarity for one in found.found)


def test_signatures_come_and_go_with_their_chunks(
    library: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    before = signatures(library)
    assert len(before) == len(TEXTS) == library.rows("chunks_{index}")
    index = library.services.indexes.active(library.base.id)
    assert index is not None
    for chunk, vector in library.execute(f"SELECT id, embedding FROM chunks_{index.id}"):  # noqa: S608
        assert before[chunk] == signature(json.loads(vector))
    uploader.upload("0.txt", "Another text altogether.")
    worker.drain()
    found = nearest(library, len(TEXTS))
    assert len(found.found) == len(TEXTS)
    worker.clear()
    assert set(signatures(library)) == {one.chunk_id for one in found.found}


def test_an_index_from_before_there_were_signatures_gets_them(
    library: SearchableBase,
) -> None:
    before = signatures(library)
    index = library.services.indexes.active(library.base.id)
    assert index is not None
    library.execute(f"DROP TABLE signatures_{index.id}")
    with library.services.database.engine.connect() as connection:
        config = alembic_config(connection)
        command.stamp(config, "0003")
        command.upgrade(config, "0004")
        command.stamp(config, "head")  # of the migrations that came later, nothing is to be done
        connection.commit()
    after = signatures(library)
    assert set(after) == set(before)
    # TiDB prints a vector's components as it keeps them: no sign changes on the way.
    assert after == before


def test_a_search_says_which_way_it_went(library: SearchableBase) -> None:
    quick = VectorSearch(library.services.database, VectorPlanner(SINGLE, 1))
    retriever = replace(library.services.retriever, vectors=quick)
    retrieval = retriever.retrieve(library.base, Query(QUESTION), 10)
    told = {stage.name: stage.detail for stage in retrieval.stages}
    assert "nearest signatures" in told["meaning"]
    plain = {s.name: s.detail for s in library.search(QUESTION).retrieval.stages}
    assert "exactly, with the filter first" in plain["meaning"]


def test_the_server_itself_says_whether_it_has_a_vector_index(library: SearchableBase) -> None:
    services = library.services
    index = services.indexes.active(library.base.id)
    assert index is not None
    tiflash = services.capabilities.tiflash_stores > 0
    if tiflash:
        create_vector_index(services.database, index.id)
    has = services.database.transaction(lambda session: has_vector_index(session, index))
    assert has is tiflash
    found = nearest(library, 10, capabilities=services.capabilities)
    assert (found.plan.way is Way.HNSW) is tiflash
