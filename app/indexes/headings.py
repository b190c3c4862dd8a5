"""The titles and headings of an index's documents, to be suggested while somebody types."""

from __future__ import annotations

import threading
import time
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.documents.contents import load_sections
from app.documents.tables import DocumentRow, RevisionRow
from app.indexes.index import Index, Presence
from app.indexes.live import BY_KEY
from app.indexes.tables import IndexedRevisionRow

MOST = 20_000
"""Titles and headings that are looked through: some 5 MB."""
ROWS_AT_ONCE = 200
LONGEST = 120  # characters of one that is suggested
AT_LEAST_SECONDS = 10.0
"""How long what was read holds, whatever changes meanwhile: while much is uploaded, all changes."""


@dataclass(frozen=True)
class Suggestion:
    text: str
    kind: str
    """`title` or `heading`."""


@dataclass(frozen=True)
class _Read:
    version: int
    at: float
    found: tuple[tuple[str, Suggestion, int], ...]
    """As it is compared, as it is suggested, and how many characters stand under it."""


@dataclass(frozen=True)
class Headings:
    """Reads them once for each version of an index."""

    database: Database
    _known: dict[int, _Read] = field(default_factory=dict)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def suggested(self, index: Index, typed: str, most: int) -> tuple[Suggestion, ...]:
        """Those in which a word begins with what was typed; those that begin so themselves first,
        then those under which most stands."""
        wanted = _folded(typed)
        if not wanted:
            return ()
        found = [
            (not folded.startswith(wanted), -count, len(folded), suggestion)
            for folded, suggestion, count in self._read(index).found
            if folded.startswith(wanted) or f" {wanted}" in folded
        ]
        return tuple(one[-1] for one in sorted(found, key=lambda one: one[:3])[:most])

    def _read(self, index: Index) -> _Read:
        with self._reading:
            known = self._known.get(index.id)
            if known is None or (
                known.version != index.version and time.monotonic() - known.at > AT_LEAST_SECONDS
            ):
                found = self.database.transaction(lambda session: _found(session, index))
                known = self._known[index.id] = _Read(index.version, time.monotonic(), found)
            return known


def _found(session: Session, index: Index) -> tuple[tuple[str, Suggestion, int], ...]:
    counts: Counter[Suggestion] = Counter()
    rows = session.execute(
        select(RevisionRow.title, DocumentRow.name, RevisionRow.characters, RevisionRow.section_map)
        .with_hint(IndexedRevisionRow, BY_KEY)
        .join(DocumentRow, DocumentRow.id == RevisionRow.document_id)
        .join(IndexedRevisionRow, IndexedRevisionRow.revision_id == RevisionRow.id)
        .where(IndexedRevisionRow.index_id == index.id, IndexedRevisionRow.state == Presence.LIVE)
        .limit(MOST)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    for title, name, characters, sections in rows:
        called = title or name
        counts[Suggestion(called, "title")] += characters or 0
        for section in load_sections(sections or "[]"):
            for heading in section.path:
                if heading != called and len(counts) < MOST:
                    counts[Suggestion(heading, "heading")] += section.end - section.start
    return tuple(
        (_folded(one.text), one, count) for one, count in counts.items() if len(one.text) <= LONGEST
    )


def _folded(words: str) -> str:
    apart = unicodedata.normalize("NFKD", words).casefold()
    return " ".join("".join(c for c in apart if not unicodedata.combining(c)).split())
