"""What an index knows of whole documents: the means of their chunks' vectors, and their words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.documents.tables import DocumentRow, RevisionRow
from app.indexes.chunk_table import CHUNKS_A_REVISION, chunk_ids_of, chunk_table_name
from app.indexes.index import Index, Presence
from app.indexes.live import BY_KEY
from app.indexes.tables import IndexedRevisionRow

MOST_DOCUMENTS = 2_000
MOST_CHUNKS = 20_000
"""Chunks whose vectors are read: of long documents, as many of the first as that allows."""
ROWS_A_STATEMENT = 1_000
CHARACTERS = 1_500  # of a document's text that its words are taken from


@dataclass(frozen=True)
class WholeDocument:
    """A document; `start` is the beginning of its text."""

    id: int
    name: str
    title: str
    language: str
    chunks: int
    start: str


@dataclass(frozen=True)
class DocumentVectors:
    """Documents, and their vectors in the same order: float32 `[documents, dimensions]`, of unit
    length. `left_out` counts the documents that were too many."""

    documents: tuple[WholeDocument, ...]
    vectors: NDArray[np.float32]
    left_out: int


@dataclass(frozen=True)
class DocumentVectorReader:
    database: Database

    def read(self, index: Index) -> DocumentVectors:
        """The live documents of the index, newest first; batches are read each in its snapshot."""
        revisions, all_of_them = self.database.transaction(lambda s: _revisions(s, index))
        each = max(1, MOST_CHUNKS // max(1, len(revisions)))
        sums: dict[int, NDArray[np.float64]] = {}
        starts: dict[int, str] = {}
        for batch in _batches([(r.revision_id, min(r.chunks, each)) for r in revisions]):
            for revision_id, vector, content in self._chunks(index, batch):
                known = sums.get(revision_id)
                sums[revision_id] = vector if known is None else known + vector
                if len(starts.get(revision_id, "")) < CHARACTERS:
                    starts[revision_id] = f"{starts.get(revision_id, '')}\n{content}"[:CHARACTERS]
        there = [r for r in revisions if r.revision_id in sums and sums[r.revision_id].any()]
        vectors = np.array([sums[r.revision_id] for r in there], np.float32)
        if there:
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return DocumentVectors(
            tuple(
                WholeDocument(
                    r.document_id, r.name, r.title, r.language, r.chunks, starts[r.revision_id]
                )
                for r in there
            ),
            vectors.reshape(len(there), index.recipe.dimensions),
            all_of_them - len(revisions),
        )

    def _chunks(
        self, index: Index, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, NDArray[np.float64], str]]:
        where = " OR ".join(
            f"id BETWEEN {chunk_ids_of(revision)[0]} AND {chunk_ids_of(revision)[0] + chunks - 1}"
            for revision, chunks in ranges  # integers of ours
        )

        def read(session: Session) -> list[tuple[int, str, str]]:
            rows = session.execute(
                text(
                    f"SELECT id, embedding, LEFT(content, {CHARACTERS}) "  # noqa: S608
                    f"FROM {chunk_table_name(index.id)} WHERE {where}"
                )
            )
            return [(int(row[0]), str(row[1]), str(row[2])) for row in rows]

        for chunk_id, vector, content in self.database.transaction(read):
            numbers = np.fromstring(vector.strip("[]"), np.float64, sep=",")
            yield chunk_id // CHUNKS_A_REVISION, numbers, content


@dataclass(frozen=True)
class _Revision:
    revision_id: int
    document_id: int
    name: str
    title: str
    language: str
    chunks: int


def _revisions(session: Session, index: Index) -> tuple[list[_Revision], int]:
    live = (IndexedRevisionRow.index_id == index.id) & (IndexedRevisionRow.state == Presence.LIVE)
    rows = session.execute(
        select(
            IndexedRevisionRow.revision_id,
            IndexedRevisionRow.document_id,
            DocumentRow.name,
            RevisionRow.title,
            IndexedRevisionRow.language,
            IndexedRevisionRow.chunks,
        )
        .with_hint(IndexedRevisionRow, BY_KEY)
        .join(DocumentRow, DocumentRow.id == IndexedRevisionRow.document_id)
        .join(RevisionRow, RevisionRow.id == IndexedRevisionRow.revision_id)
        .where(live, IndexedRevisionRow.chunks > 0)
        .order_by(IndexedRevisionRow.revision_id.desc())
    ).all()
    found = [
        _Revision(revision, document, name, title or name, language, chunks)
        for revision, document, name, title, language, chunks in rows[:MOST_DOCUMENTS]
    ]
    return found, len(rows)


def _batches(ranges: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Ranges of (revision, chunks) with about as many rows as one statement reads."""
    batch: list[tuple[int, int]] = []
    rows = 0
    for one in ranges:
        batch.append(one)
        rows += one[1]
        if rows >= ROWS_A_STATEMENT:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch
