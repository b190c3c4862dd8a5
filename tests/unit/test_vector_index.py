"""What a server with TiFlash says of its vector indexes, as recorded, and what is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from app.indexes.index import Index, IndexState
from app.indexes.recipe import Recipe
from app.indexes.vector_index import VectorIndexProgress, has_vector_index, vector_index_progress

# Rows as TiDB's own handbook shows them: TIFLASH_REPLICA and TIFLASH_INDEXES, before, on the way
# and at the end; https://docs.pingcap.com/tidb/stable/vector-search-index.
COPYING = ((0, 0.4), (0, 0, 0, 0, ""))
LAGGING = ((1, 0.98), (13000, 0, 0, 0, ""))
INDEXING = ((1, 1.0), (0, 13000, 0, 2000, ""))
READY = ((1, 1.0), (18000, 0, 0, 2000, ""))
FAILED = ((1, 1.0), (0, 13000, 0, 0, "Cannot allocate memory"))

INDEX = Index(7, 1, Recipe("local/m", 3, "", "", 200), IndexState.BUILDING)


@dataclass
class Recorded:
    """A server whose system tables hold what was recorded; it runs the real statements."""

    connection: Connection

    def says(
        self, replica: tuple[int, float], rows: tuple[int, int, int, int, str], table: str
    ) -> None:
        self.connection.execute(
            text("INSERT INTO information_schema.tiflash_replica VALUES ('t', :t, :a, :p)"),
            {"t": table, "a": replica[0], "p": replica[1]},
        )
        names = ("si", "sn", "di", "dn", "e")
        self.connection.execute(
            text(
                "INSERT INTO information_schema.tiflash_indexes "
                "VALUES ('t', :t, 'embedding', :si, :sn, :di, :dn, :e)"
            ),
            {"t": table, **dict(zip(names, rows, strict=True))},
        )


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    engine = create_engine("sqlite://", poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def attach(connection, _) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        connection.execute("ATTACH ':memory:' AS information_schema")
        connection.create_function("DATABASE", 0, lambda: "t")

    with engine.connect() as connection:
        connection.execute(
            text(
                "CREATE TABLE information_schema.tiflash_replica "
                "(table_schema, table_name, available, progress)"
            )
        )
        connection.execute(
            text(
                "CREATE TABLE information_schema.tiflash_indexes (tidb_database, tidb_table, "
                "column_name, rows_stable_indexed, rows_stable_not_indexed, rows_delta_indexed, "
                "rows_delta_not_indexed, error_message)"
            )
        )
        yield Recorded(connection)
    engine.dispose()


@pytest.mark.parametrize(
    ("replica", "rows", "ready", "told"),
    [
        (*COPYING, False, "TiFlash has copied 40% of the rows"),
        (*LAGGING, False, "TiFlash has copied 98% of the rows"),
        (*INDEXING, False, "13,000 of 13,000 rows lack the vector index"),
        (*READY, True, "the vector index has 18,000 rows, and 2,000 are new"),
        (*FAILED, False, "TiFlash cannot build the vector index: Cannot allocate memory"),
    ],
)
def test_the_progress_is_what_the_server_says_of_this_index(
    recorded: Recorded,
    replica: tuple[int, float],
    rows: tuple[int, int, int, int, str],
    *,
    ready: bool,
    told: str,
) -> None:
    recorded.says(replica, rows, "chunks_7")
    recorded.says((1, 1.0), (99, 0, 0, 0, ""), "chunks_8")  # another's
    progress = vector_index_progress(Session(recorded.connection), INDEX.id)
    assert progress.ready is ready
    assert progress.told == told


def test_a_server_that_has_not_heard_of_the_replica_yet_is_not_ready(recorded: Recorded) -> None:
    progress = vector_index_progress(Session(recorded.connection), INDEX.id)
    assert progress == VectorIndexProgress(
        available=False, replica=0.0, indexed=0, waiting=0, recent=0
    )
    assert not progress.ready


class Explained:
    """A session whose EXPLAIN gives the recorded lines."""

    def __init__(self, *operators: str) -> None:
        self.rows = [("TableFullScan_24", "mpp[tiflash]", info) for info in operators]

    def execute(self, statement: object, values: dict[str, str]) -> list[tuple[str, ...]]:
        assert "VEC_COSINE_DISTANCE(embedding, :vector)" in str(statement)
        assert values["vector"] == "[1.0, 0.0, 0.0]"
        return self.rows


@pytest.mark.parametrize(
    ("info", "used"),
    [
        ("keep order:false, stats:pseudo, annIndex:COSINE(embedding..[1,0,0], limit:10)", True),
        ("keep order:false, stats:pseudo, annIndex:L2(embedding..[1,0,0], limit:10)", False),
        ("keep order:false, stats:pseudo", False),
        # As its handbook has it, and as TiDB's own tests have it of many dimensions.
        ("annIndex:COSINE(test.vector_table_with_index.embedding..[1,2,3], limit:10), ...", True),
        ("keep order:false, annIndex:COSINE(vec..[1e+02,1e+02,(95 more)...], limit:1)", True),
    ],
)
def test_an_index_counts_as_used_only_if_explain_names_one_of_the_same_distance(
    *, info: str, used: bool
) -> None:
    session = Explained("Column#5, vec_cosine_distance(embedding, [1,0,0])", info)
    assert has_vector_index(session, INDEX) is used  # type: ignore[arg-type]
