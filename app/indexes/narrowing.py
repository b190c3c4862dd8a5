"""What a search is narrowed to, found before it is searched: documents, sections, words."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.documents.filter import Filter, matching
from app.errors import InvalidRequest
from app.indexes.analysis import Wanted, wanted
from app.indexes.chunk_table import chunk_table_name
from app.indexes.index import Index, Presence
from app.indexes.keyword_search import REVISION
from app.indexes.postings import postings_table_name
from app.indexes.scope import EVERYWHERE, Scope, Within
from app.indexes.tables import IndexedRevisionRow

MOST_CHUNKS = 50_000
"""Passages that a search is narrowed to, or that it leaves out, by their ids in its statements."""
IDS_A_STATEMENT = 5_000


@dataclass(frozen=True)
class Narrowing:
    """Conditions → where the halves of a search look, the same for both, before their cuts."""

    database: Database

    def within(
        self,
        index: Index,
        document_ids: Sequence[int],
        given: Filter,
        phrases: Sequence[str],
        without: Sequence[str],
    ) -> Within:
        """Where all of the conditions hold; nothing is read where there are none to look up.

        `phrases` must stand in a passage as they are written, in any case; `without` may not: a
        word in any of its forms, several words as they are written.

        Raises:
            InvalidRequest: a condition that would leave, or leave out, too many passages.
        """
        if not (given or phrases or without):
            return Within(tuple(document_ids)) if document_ids else EVERYWHERE

        def find(session: Session) -> Within:
            documents = _documents(session, index, document_ids, given)
            if documents == ():
                return Within(documents)
            chunks = _Chunks(session, index, Scope.of(session, index.id, Within(documents)))
            found = [chunks.under(given.sections)] if given.sections else []
            found += [chunks.having(phrase, exact=True) for phrase in phrases]
            left_out = {c for each in without for c in chunks.having(each, exact=" " in each)}
            if not found:
                return Within(documents, None, tuple(sorted(left_out)))
            left = set.intersection(*found) - left_out
            return Within(documents, tuple(sorted(left)))

        return self.database.transaction(find)


def _documents(
    session: Session, index: Index, document_ids: Sequence[int], given: Filter
) -> tuple[int, ...] | None:
    if not given.of_documents:
        return tuple(document_ids) or None
    left = session.scalars(matching(index.knowledge_base_id, given)).all()
    return tuple(each for each in left if not document_ids or each in set(document_ids))


@dataclass(frozen=True)
class _Chunks:
    """An index's chunks in one snapshot. What a person typed is bound as values."""

    session: Session
    index: Index
    scope: Scope

    def under(self, headings: Sequence[str]) -> set[int]:
        """The chunks that stand under a heading with one of these words, in any case."""
        values: dict[str, object] = {
            # Paths are kept as JSON, which writes some characters in its own way.
            f"h{i}": f"%{_escaped(json.dumps(heading, ensure_ascii=False)[1:-1])}%"
            for i, heading in enumerate(headings)
        }
        like = " OR ".join(f"LOWER(section_path) LIKE LOWER(:{name}) ESCAPE '!'" for name in values)
        return self._ids(
            f"SELECT id FROM {self._chunk_table} WHERE ({like})"  # noqa: S608
            f"{self.scope.clause('revision_id', 'id')}",
            values,
            "A section's name",
        )

    def having(self, words: str, *, exact: bool) -> set[int]:
        looked_for = wanted(words, self._languages(), exact=exact)
        said = f"{words[:80]!r}"
        if not looked_for.terms:
            return self._matching(looked_for.pattern or "", None, said)
        candidates = self._with_terms(looked_for, said)
        if looked_for.pattern is None:
            return candidates
        return self._matching(looked_for.pattern, candidates, said)

    def _with_terms(self, looked_for: Wanted, said: str) -> set[int]:
        """The chunks that have one term at least of each set, from the postings alone."""
        bits: dict[str, int] = {}
        for place, forms in enumerate(looked_for.terms[:60]):  # bits of a BIGINT
            for term in forms:
                bits[term] = bits.get(term, 0) | 1 << place
        values: dict[str, object] = {f"t{i}": term for i, term in enumerate(bits)}
        cases = " ".join(f"WHEN :t{i} THEN {bit}" for i, bit in enumerate(bits.values()))
        every = (1 << min(len(looked_for.terms), 60)) - 1
        return self._ids(
            f"SELECT chunk_id FROM {postings_table_name(self.index.id)} "  # noqa: S608
            f"WHERE term IN ({', '.join(f':{name}' for name in values)})"
            f"{self.scope.clause(REVISION)} "
            f"GROUP BY chunk_id HAVING BIT_OR(CASE term {cases} END) = {every}",
            values,
            said,
        )

    def _matching(self, pattern: str, among: Collection[int] | None, said: str) -> set[int]:
        """The chunks whose text matches; `among` None looks through all of them."""
        statement = (
            f"SELECT id FROM {self._chunk_table} "  # noqa: S608
            "WHERE REGEXP_LIKE(content, :pattern, 'i')"
        )
        values: dict[str, object] = {"pattern": pattern}
        if among is None:
            clause = self.scope.clause("revision_id", "id")
            return self._ids(statement + clause, values, said)
        found: set[int] = set()
        for ids in _batches(sorted(among)):
            found |= self._ids(f"{statement} AND id IN ({ids})", values, said)
        return found

    def _ids(self, statement: str, values: dict[str, object], said: str) -> set[int]:
        rows = self.session.scalars(text(f"{statement} LIMIT {MOST_CHUNKS + 1}"), values).all()
        if len(rows) > MOST_CHUNKS:
            raise InvalidRequest(
                f"{said} stands in more than {MOST_CHUNKS:,} passages: too many to sort out.",
                remedy="Leave it out, use a rarer word, or search in fewer documents.",
            )
        return set(rows)

    def _languages(self) -> tuple[str, ...]:
        """Every language of the index, the rarest too: a condition must miss nothing."""
        spoken = select(IndexedRevisionRow.language).where(
            IndexedRevisionRow.index_id == self.index.id,
            IndexedRevisionRow.state == Presence.LIVE,
        )
        return tuple(self.session.scalars(spoken.distinct())) or ("",)

    @property
    def _chunk_table(self) -> str:
        return chunk_table_name(self.index.id)


def _batches(ids: Sequence[int]) -> Iterator[str]:
    for start in range(0, len(ids), IDS_A_STATEMENT):
        yield ", ".join(map(str, ids[start : start + IDS_A_STATEMENT]))


def _escaped(value: str) -> str:
    return value.replace("!", "!!").replace("%", "!%").replace("_", "!_")
