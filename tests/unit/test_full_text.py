"""TiDB's own full text, against the replies that TiDB's documentation shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError

from app.database.capabilities import Capabilities
from app.indexes.chunks import drop_index_tables
from app.indexes.full_text import create_full_text_index
from app.indexes.index import Index, IndexState
from app.indexes.keyword_search import KeywordSearch
from app.indexes.recipe import Recipe
from app.indexes.scope import Within

INDEX = Index(7, 1, Recipe("local/m", 8, "", "", 100), IndexState.ACTIVE)
NOT_IN_THIS_REGION = (1105, "FULLTEXT index is not supported in this region")
Rows = list[tuple[Any, ...]]


class Replies:
    """A server that answers statements by what stands in them, and remembers them."""

    def __init__(self, *, full_text: bool = True, refuses: str = "") -> None:
        self.full_text, self.refuses = full_text, refuses
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, statement: Any, values: Mapping[str, Any] | None = None) -> Rows:
        sql = " ".join(str(statement).split())
        self.asked.append((sql, values or {}))
        if self.refuses and self.refuses in sql:
            raise ProgrammingError(sql, {}, Exception(*NOT_IN_THIS_REGION))
        replies: dict[str, Rows] = {
            "information_schema.statistics": [(int(self.full_text),)],
            "FTS_MATCH_WORD": [(12, 2.0), (9, 3.25), (4, 2.0)],
            "sum(indexed_revisions.chunks)": [("en", 3, 30)],
            "indexes.version, indexed_revisions.revision_id": [(1, 5)],
            "COUNT(*) FROM postings_7": [("tide", 1)],
            "part AS score": [(4, 1.5)],
            "SELECT chunk_id, term, tf, length": [(4, "tide", 1, 10)],
        }
        return next((rows for part, rows in replies.items() if part in sql), [])

    def statements(self, part: str) -> list[str]:
        return [sql for sql, _ in self.asked if part in sql]


class Result(list[tuple[Any, ...]]):
    def all(self) -> Rows:
        return list(self)


class Session:
    def __init__(self, replies: Replies) -> None:
        self.replies = replies

    def execute(self, statement: Any, values: Mapping[str, Any] | None = None) -> Result:
        return Result(self.replies(statement, values))

    def scalars(self, statement: Any, values: Mapping[str, Any] | None = None) -> Result:
        return Result(row[0] for row in self.replies(statement, values))

    def scalar(self, statement: Any, values: Mapping[str, Any] | None = None) -> Any:
        return next((row[0] for row in self.replies(statement, values)), None)


class Server:
    """Stands for the database, and for its engine."""

    def __init__(self, replies: Replies) -> None:
        self.session = Session(replies)

    @property
    def engine(self) -> Server:
        return self

    @contextmanager
    def begin(self) -> Iterator[Session]:
        yield self.session

    def transaction(self, work: Callable[[Session], Any]) -> Any:
        return work(self.session)

    def read(self, statement: Any, **values: Any) -> Rows:
        return self.session.execute(statement, values).all()


def search(replies: Replies, *, full_text: bool = True) -> KeywordSearch:
    return KeywordSearch(Server(replies), full_text=full_text)  # type: ignore[arg-type]


def test_the_servers_full_text_is_used_where_the_index_has_it() -> None:
    replies = Replies()
    words = search(replies)
    found = words.best(INDEX, "when does the tide turn", 3, Within(chunk_ids=(4, 9, 12)))
    assert [(one.chunk_id, one.score) for one in found] == [(9, 3.25), (4, 2.0), (12, 2.0)]
    assert words.by_full_text(INDEX)
    assert replies.statements("postings_7") == []
    (statement,) = replies.statements("FTS_MATCH_WORD")
    where, order = statement.split(" WHERE ")[1].split(" ORDER BY ")
    assert where.count("FTS_MATCH_WORD") == 1  # the server sorts by no more than one
    assert "revision_id NOT IN (5)" in where
    assert "id IN (4, 9, 12)" in where
    assert order == "FTS_MATCH_WORD(:words, content) DESC LIMIT :most"
    assert "GROUP BY" not in statement


def test_stop_words_are_left_out_and_what_was_typed_is_bound_as_a_value() -> None:
    replies = Replies()
    search(replies).best(INDEX, "when does the tide' OR 1=1 turn", 3)
    values = next(values for sql, values in replies.asked if "FTS_MATCH_WORD" in sql)
    assert values["words"].split() == ["tide", "1", "turn"]


@pytest.mark.parametrize("looked_for", [True, False])
def test_an_index_without_it_is_searched_by_its_postings(*, looked_for: bool) -> None:
    replies = Replies(full_text=False)
    words = search(replies, full_text=looked_for)
    for _ in range(2):
        (found,) = words.best(INDEX, "tide", 3)
        assert {chunk: set(given) for chunk, given in words.weights([found]).items()} == {
            4: {"tide"}
        }
    assert not words.by_full_text(INDEX)
    assert replies.statements("FTS_MATCH_WORD") == []
    asked = replies.statements("information_schema.statistics")
    assert len(asked) == int(looked_for)  # once for all


def test_the_true_place_is_counted_among_the_matches() -> None:
    words = search(Replies())
    assert words.better(INDEX, "tide", 2.0, Within()) == 1
    assert words.better(INDEX, "tide", 3.25, Within()) == 0


def test_a_server_that_refuses_the_index_is_left_in_peace() -> None:
    assert create_full_text_index(Server(Replies()), 7)  # type: ignore[arg-type]
    assert not create_full_text_index(Server(Replies(refuses="FULLTEXT")), 7)  # type: ignore[arg-type]


@pytest.mark.parametrize("there", [True, False])
def test_the_index_is_dropped_before_its_table_which_could_not_be_dropped_else(
    *, there: bool
) -> None:
    replies = Replies(full_text=there)
    drop_index_tables(Server(replies), 7)  # type: ignore[arg-type]
    changed = [sql for sql, _ in replies.asked if not sql.startswith("SELECT")]
    assert changed[0].startswith("ALTER TABLE chunks_7 DROP INDEX" if there else "DROP TABLE")
    assert len(changed) == 3 + there


def test_only_managed_servers_are_asked_for_it() -> None:
    assert Capabilities("v7.5.2-serverless", "", 1).may_have_full_text
    assert not Capabilities("v8.5.4", "unistore", 0).may_have_full_text
    assert not Capabilities("v8.5.4", "tikv", 2).may_have_full_text
