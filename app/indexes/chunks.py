"""The store of one index's chunks: filling it, and clearing what has left."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import event, text
from sqlalchemy.orm import Session, UOWTransaction

from app.database.connection import Database
from app.embedding.embedder import Embedder
from app.embedding.spending import Purpose, spending_on
from app.embedding.vectors import plain
from app.indexes.chunk_table import (
    CHUNKS_A_REVISION,
    chunk_id,
    chunk_ids_of,
    chunk_table,
    chunk_table_name,
)
from app.indexes.full_text import drop_full_text_index
from app.indexes.index import Index, NewChunk, Presence
from app.indexes.postings import (
    ChunkTerms,
    add_postings,
    postings_table_name,
    remove_postings,
)
from app.indexes.signatures import add_signatures, remove_signatures, signature_table_name
from app.indexes.tables import IndexedRevisionRow
from app.telemetry import CHUNKS, stage

ROWS_A_DELETE = 200
ROWS_A_READ = 1000


@dataclass(frozen=True)
class ChunkStore:
    """The chunks of `index`; `embedder` is the one its recipe names.

    `sources` are other indexes whose vectors can be used, as `Recipe.takes_vectors_of` says.
    """

    database: Database
    index: Index
    embedder: Embedder
    sources: tuple[Index, ...] = ()

    def add(self, chunks: Sequence[NewChunk], still_wanted: Callable[[Session], None]) -> None:
        """Embed `chunks` and store them with what is made of them, all or none, in one transaction.

        A text that the index has already, in another revision or another document, is not embedded
        again. `still_wanted` has the last word in the transaction: what it raises undoes it.

        Raises:
            ProviderError: the embedding failed; nothing was written.
            sqlalchemy.exc.IntegrityError: somebody else stored one of them meanwhile.
        """
        if not chunks:
            return  # pytidb would call the provider with nothing to embed
        vectors = self.known_vectors(chunks)
        texts = {c.content_hash: c.text for c in chunks if c.content_hash not in vectors}
        if texts:
            # Before the transaction: what a provider is asked is noted in transactions of its own,
            # which would join one that is open, and be undone with it.
            with spending_on(purpose_of(self.index, chunks)):
                embedded = self.embedder.embed_documents(list(texts.values()))
            vectors |= dict(zip(texts, embedded, strict=True))
        self.write(chunks, vectors, still_wanted)

    def write(
        self,
        chunks: Sequence[NewChunk],
        vectors: Mapping[str, list[float]],
        still_wanted: Callable[[Session], None],
    ) -> None:
        """As `add`, with the vectors of all texts, by hash."""
        table = chunk_table(self.database.client, self.index.id, self.embedder.function)
        rows = [
            table.table_model(
                id=chunk_id(chunk.revision_id, chunk.ordinal),
                document_id=chunk.document_id,
                revision_id=chunk.revision_id,
                start=chunk.start,
                end=chunk.end,
                page=chunk.page,
                section_path=json.dumps(chunk.section_path, ensure_ascii=False),
                content_hash=chunk.content_hash,
                content=chunk.text,
                embedding=vectors[chunk.content_hash],
            )
            for chunk in chunks
        ]

        def write_signatures(session: Session, _: UOWTransaction) -> None:
            add_signatures(session, self.index.id, {row.id: row.embedding for row in rows})

        def write(session: Session) -> None:
            # pytidb leaves rows alone that have their vector. Once they are sent, it reads each
            # row back without it: what is made of the vectors is written just before.
            event.listen(session, "after_flush", write_signatures, once=True)
            table.bulk_insert(rows)
            add_postings(session, self.index.id, (chunk.terms for chunk in chunks))
            still_wanted(session)

        with stage("ingest", "store"):
            self.database.transaction(write)
        CHUNKS.inc(len(rows))

    def stored(self, revision_ids: Sequence[int]) -> dict[int, int]:
        """How many chunks each revision has already: they are stored in order, from the first."""
        if not revision_ids:
            return {}
        ranges = [chunk_ids_of(revision_id) for revision_id in revision_ids]
        where = " OR ".join(
            f"id BETWEEN {first} AND {last - 1}"
            for first, last in ranges  # integers of ours
        )

        def read(session: Session) -> dict[int, int]:
            rows = session.execute(
                text(
                    f"SELECT revision_id, MAX(id) FROM {self._table} WHERE {where} "  # noqa: S608
                    "GROUP BY revision_id"
                )
            )
            return {revision: last % CHUNKS_A_REVISION + 1 for revision, last in rows}

        return self.database.transaction(read)

    def known_vectors(self, chunks: Sequence[NewChunk]) -> dict[str, list[float]]:
        """The vectors there are for these texts, by hash: the index's own, and its sources'."""
        known: dict[str, list[float]] = {}
        for index in (self.index, *self.sources):
            wanted = {chunk.content_hash for chunk in chunks} - known.keys()
            if wanted:
                found = self._vectors_in(index, wanted)
                if index.recipe.dimensions > self.index.recipe.dimensions:
                    found = {h: cut(v, self.index.recipe.dimensions) for h, v in found.items()}
                known |= found
        return known

    def _vectors_in(self, index: Index, content_hashes: Collection[str]) -> dict[str, list[float]]:
        wanted = {f"h{i}": one for i, one in enumerate(sorted(content_hashes))}
        statement = text(
            f"SELECT content_hash, embedding FROM {chunk_table_name(index.id)} "  # noqa: S608
            f"WHERE content_hash IN ({', '.join(f':{name}' for name in wanted)})"
        )

        def read(session: Session) -> dict[str, list[float]]:
            rows = session.execute(statement, wanted)
            return {content_hash: json.loads(vector) for content_hash, vector in rows}

        return self.database.transaction(read)

    @property
    def _table(self) -> str:
        return chunk_table_name(self.index.id)


def purpose_of(index: Index, chunks: Sequence[NewChunk]) -> Purpose:
    """What embedding these chunks is counted as."""
    documents = {chunk.text: chunk.document_id for chunk in chunks}
    return Purpose(index.knowledge_base_id, documents, bulk=True)


def cut(vector: Sequence[float], width: int) -> list[float]:
    """The beginning of a vector, of unit length again."""
    beginning = np.asarray(vector[:width])
    return plain((beginning / np.linalg.norm(beginning))[None])[0]


def vectors_of(database: Database, index: Index, revision_id: int) -> dict[str, list[float]]:
    """The vectors of a revision's chunks in an index, by the SHA-256 of their text."""
    first, last = chunk_ids_of(revision_id)
    some = text(
        f"SELECT id, content_hash, embedding FROM {chunk_table_name(index.id)} "  # noqa: S608
        "WHERE id >= :first AND id < :last ORDER BY id LIMIT :rows"
    )
    found: dict[str, list[float]] = {}
    while True:
        values = {"first": first, "last": last, "rows": ROWS_A_READ}
        rows = database.transaction(lambda s, at=values: s.execute(some, at).all())  # type: ignore[misc]
        found |= {digest: json.loads(vector) for _, digest, vector in rows}
        if len(rows) < ROWS_A_READ:
            return found
        first = rows[-1][0] + 1


def remove_chunks(
    database: Database, index_id: int, revision_id: int, only: Presence | None = None
) -> None:
    """Delete a revision's chunks and what was made of them, in batches of one transaction each.

    With `only`, it ends before the first batch at which the revision is not that any more: its
    document was brought back, or it is tried again.
    """
    first, last = chunk_ids_of(revision_id)
    table = chunk_table_name(index_id)
    some = text(
        f"SELECT id, content FROM {table} WHERE id >= :first AND id < :last "  # noqa: S608
        "ORDER BY id LIMIT :rows"
    )
    gone = text(f"DELETE FROM {table} WHERE id >= :first AND id <= :until")  # noqa: S608

    def remove(session: Session) -> int:
        key = (index_id, revision_id)
        held = session.get(IndexedRevisionRow, key, with_for_update=only is not None or None)
        if only is not None and (held is None or held.state != only):
            return 0
        language = held.language if held else ""
        values = {"first": first, "last": last, "rows": ROWS_A_DELETE}
        rows = session.execute(some, values).all()
        if rows:
            terms = [ChunkTerms.of(row_id, content, language) for row_id, content in rows]
            remove_postings(session, index_id, terms)
            session.execute(gone, {"first": first, "until": rows[-1][0]})
            remove_signatures(session, index_id, first, rows[-1][0])
        return len(rows)

    while database.transaction(remove) == ROWS_A_DELETE:
        pass


def stored_chunks(session: Session, index_id: int, revision_id: int) -> int:
    """How many chunks of a revision an index has at this moment."""
    first, last = chunk_ids_of(revision_id)
    counted = text(
        f"SELECT COUNT(*) FROM {chunk_table_name(index_id)} "  # noqa: S608
        "WHERE id >= :first AND id < :last"
    )
    return session.scalar(counted, {"first": first, "last": last}) or 0


def drop_index_tables(database: Database, index_id: int) -> None:
    """Drop an index's tables, if they are there."""
    drop_full_text_index(database, index_id)
    with database.engine.begin() as connection:
        for name in (chunk_table_name, postings_table_name, signature_table_name):
            connection.execute(text(f"DROP TABLE IF EXISTS {name(index_id)}"))
