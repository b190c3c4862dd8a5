"""The words that an index has: whether a term is among them, and which are spelled like it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.database.connection import Database, error_number
from app.indexes.analysis import WORD, stem
from app.indexes.chunk_table import CHUNKS_A_REVISION, chunk_table_name
from app.indexes.index import Index
from app.indexes.postings import postings_table_name
from app.indexes.scope import Scope
from app.indexes.tables import IndexedRevisionRow

LONGEST_LOOK = 300  # milliseconds that a look for similar terms may take
TOOK_TOO_LONG = {3024, 1907, 1317}  # as TiDB calls it, in its versions
MOST_TERMS = 5_000


@dataclass(frozen=True)
class Term:
    """A term of an index; `chunks` is how many have it, `chunk_id` one of them."""

    text: str
    chunks: int
    chunk_id: int


@dataclass(frozen=True)
class Vocabulary:
    """Read from the postings; what a person typed is bound as values."""

    database: Database

    def known(self, index: Index, terms: Collection[str]) -> frozenset[str]:
        """Those of the terms that stand in what is current."""
        named = {f"t{i}": term for i, term in enumerate(terms)}

        def read(session: Session) -> frozenset[str]:
            live = Scope.of(session, index.id).clause(f"chunk_id DIV {CHUNKS_A_REVISION}")
            return frozenset(
                session.scalars(
                    text(
                        f"SELECT DISTINCT term FROM {postings_table_name(index.id)} "  # noqa: S608
                        f"WHERE term IN ({', '.join(f':{name}' for name in named)}){live}"
                    ),
                    named,
                )
            )

        return self.database.transaction(read) if named else frozenset()

    def beginning(
        self, index: Index, beginnings: Collection[str], lengths: tuple[int, int]
    ) -> tuple[Term, ...]:
        """The terms with one of these beginnings and a length in this range; none if that takes
        too long."""
        named = {f"b{i}": f"{_escaped(each)}%" for i, each in enumerate(beginnings)}
        like = " OR ".join(f"term LIKE :{name} ESCAPE '!'" for name in named)

        def read(session: Session) -> tuple[Term, ...]:
            live = Scope.of(session, index.id).clause(f"chunk_id DIV {CHUNKS_A_REVISION}")
            rows = session.execute(
                text(
                    f"SELECT /*+ MAX_EXECUTION_TIME({LONGEST_LOOK}) */ "  # noqa: S608
                    f"term, COUNT(*), MIN(chunk_id) FROM {postings_table_name(index.id)} "
                    f"WHERE ({like}) AND CHAR_LENGTH(term) BETWEEN :shortest AND :longest{live} "
                    f"GROUP BY term LIMIT {MOST_TERMS}"
                ),
                named | {"shortest": lengths[0], "longest": lengths[1]},
            )
            return tuple(Term(term, int(chunks), int(chunk)) for term, chunks, chunk in rows)

        try:
            return self.database.transaction(read) if named else ()
        except OperationalError as failure:
            if error_number(failure) not in TOOK_TOO_LONG:
                raise
            return ()

    def written(self, index: Index, term: Term) -> str:
        """The term as a word of the text: a stem is not always one."""

        def read(session: Session) -> Sequence[str]:
            row = session.execute(
                text(
                    f"SELECT content, language FROM {chunk_table_name(index.id)} "  # noqa: S608
                    f"JOIN {IndexedRevisionRow.__tablename__} held "
                    "ON held.revision_id = id DIV :chunks AND held.index_id = :index WHERE id = :id"
                ),
                {"chunks": CHUNKS_A_REVISION, "index": index.id, "id": term.chunk_id},
            ).one_or_none()
            if row is None:
                return ()
            return [word for word in WORD.findall(row[0]) if stem(word, row[1]) == term.text]

        words = [word.casefold() for word in self.database.transaction(read)]
        return max(words, key=words.count, default=term.text)


def _escaped(value: str) -> str:
    return value.replace("!", "!!").replace("%", "!%").replace("_", "!_")
