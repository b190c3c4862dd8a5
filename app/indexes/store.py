"""The store of indexes: making one for a knowledge base, and finding the active one."""

from __future__ import annotations

from dataclasses import dataclass

from pytidb.embeddings.base import BaseEmbeddingFunction
from sqlalchemy import Row, bindparam, func, or_, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, load_only

from app.database.connection import Database, as_our_error, error_number
from app.database.tables import now
from app.documents.tables import KnowledgeBaseRow
from app.errors import IndexNotFound, KnowledgeBaseNotFound
from app.indexes.chunk_table import create_chunk_table, has_chunk_table
from app.indexes.full_text import create_full_text_index
from app.indexes.index import BUILT, Index, IndexState
from app.indexes.live import live_chunks
from app.indexes.postings import create_postings_table
from app.indexes.recipe import Recipe
from app.indexes.signatures import create_signature_table
from app.indexes.tables import IndexRow
from app.indexes.vector_index import (
    VectorIndexProgress,
    create_vector_index,
    has_vector_index,
    merge_recent_rows,
    vector_index_progress,
)

TABLE_EXISTS = 1050

OF_INDEX = (
    IndexRow.id,
    IndexRow.knowledge_base_id,
    IndexRow.recipe,
    IndexRow.state,
    IndexRow.version,
)
"""What an `Index` is made of: every search reads it, so nothing else comes with it."""

_ACTIVE = (
    select(*OF_INDEX)
    .join(KnowledgeBaseRow, KnowledgeBaseRow.active_index_id == IndexRow.id)
    .where(KnowledgeBaseRow.id == bindparam("base"), KnowledgeBaseRow.deletion == 0)
)


@dataclass(frozen=True)
class IndexStore:
    database: Database
    vector_index: bool = False
    """Whether new indexes get an HNSW index, which takes a server with TiFlash."""
    full_text: bool = False
    """Whether new indexes ask for TiDB's own full text, which some managed servers have."""

    def active(self, knowledge_base_id: int) -> Index | None:
        """The index that searches of the knowledge base are answered from, if it has one."""
        rows = self.database.read(_ACTIVE, base=knowledge_base_id)
        return _index(rows[0]) if rows else None

    def every_active(self) -> tuple[tuple[str, Index], ...]:
        """Each knowledge base's name with the index that it is searched by, by name."""

        def read(session: Session) -> tuple[tuple[str, Index], ...]:
            rows = session.execute(
                select(KnowledgeBaseRow.name, IndexRow)
                .join(IndexRow, KnowledgeBaseRow.active_index_id == IndexRow.id)
                .where(KnowledgeBaseRow.deletion == 0)
                .order_by(KnowledgeBaseRow.name)
            )
            return tuple((name, _index(row)) for name, row in rows)

        return self.database.transaction(read)

    def counts(self) -> dict[IndexState, int]:
        """How many indexes of all knowledge bases are in each state, but for dropped ones."""

        def read(session: Session) -> dict[IndexState, int]:
            counted = (
                select(IndexRow.state, func.count())
                .join(KnowledgeBaseRow, KnowledgeBaseRow.id == IndexRow.knowledge_base_id)
                .where(KnowledgeBaseRow.deletion == 0)
                .group_by(IndexRow.state)
            )
            found = dict(session.execute(counted).all())
            return {s: found.get(s, 0) for s in IndexState if s is not IndexState.DROPPED}

        return self.database.transaction(read)

    def using(self, model: str) -> tuple[tuple[str, Index], ...]:
        """Each index that was made with a model, active or not, with its knowledge base's name."""

        def read(session: Session) -> tuple[tuple[str, Index], ...]:
            rows = session.execute(
                select(KnowledgeBaseRow.name, IndexRow)
                .join(IndexRow, KnowledgeBaseRow.id == IndexRow.knowledge_base_id)
                .options(load_only(*OF_INDEX))
                .where(KnowledgeBaseRow.deletion == 0, IndexRow.state != IndexState.DROPPED)
                .order_by(KnowledgeBaseRow.name, IndexRow.id)
            )
            found = ((name, _index(row)) for name, row in rows)
            return tuple((name, index) for name, index in found if index.recipe.model == model)

        return self.database.transaction(read)

    def ensure(
        self, knowledge_base_id: int, recipe: Recipe, function: BaseEmbeddingFunction
    ) -> Index:
        """The knowledge base's active index, made under `recipe` if it has none.

        Two processes that come at once make one index: DDL commits by itself in TiDB, so the row is
        written first, as `building`, and whoever finds it goes on from there.
        """
        index = self.active(knowledge_base_id) or self._claim(knowledge_base_id, recipe)
        if index.state is IndexState.ACTIVE:
            return index
        self.create_tables(index, function)
        return self._activate(index)

    def get(self, knowledge_base_id: int, index_id: int) -> Index:
        """The index of that id.

        Raises:
            IndexNotFound: the knowledge base has none, or has dropped it.
        """

        def read(session: Session) -> Index:
            row = session.get(IndexRow, index_id)
            there = row is not None and row.state != IndexState.DROPPED
            if row is None or not there or row.knowledge_base_id != knowledge_base_id:
                raise IndexNotFound(f"There is no index {index_id} in it.")
            return _index(row)

        return self.database.transaction(read)

    def base_of(self, index_id: int) -> int:
        """The id of the knowledge base that the index belongs to.

        Raises:
            IndexNotFound: there is no such index.
        """

        def read(session: Session) -> int:
            row = session.get(IndexRow, index_id)
            if row is None:
                raise IndexNotFound(f"There is no index {index_id}.")
            return row.knowledge_base_id

        return self.database.transaction(read)

    def beside(self, index: Index) -> tuple[Index, ...]:
        """The other indexes that every upload goes into: those built, and those being built."""
        filled = [IndexState.BUILDING, *BUILT]

        def read(session: Session) -> tuple[Index, ...]:
            rows = session.scalars(
                select(IndexRow)
                .where(
                    IndexRow.knowledge_base_id == index.knowledge_base_id,
                    IndexRow.id != index.id,
                    IndexRow.state.in_(filled),
                    # One that is waiting after a fault would only meet it again.
                    or_(IndexRow.not_before.is_(None), IndexRow.not_before <= now()),
                )
                .order_by(IndexRow.id)
            )
            return tuple(_index(row) for row in rows)

        return self.database.transaction(read)

    def with_its_vectors(self, index: Index) -> tuple[Index, ...]:
        """The other indexes whose vectors can be used in `index`: the model need not be asked."""

        def read(session: Session) -> tuple[Index, ...]:
            rows = session.scalars(
                select(IndexRow)
                .where(
                    IndexRow.knowledge_base_id == index.knowledge_base_id,
                    IndexRow.id != index.id,
                    IndexRow.state.in_([IndexState.ACTIVE, *BUILT]),
                )
                .order_by(IndexRow.id)
            )
            others = (_index(row) for row in rows)
            return tuple(one for one in others if index.recipe.takes_vectors_of(one.recipe))

        return self.database.transaction(read)

    def create_tables(self, index: Index, function: BaseEmbeddingFunction) -> None:
        """Make the index's tables, if they are not there."""
        try:
            create_postings_table(self.database, index.id)
            create_signature_table(self.database, index.id, index.recipe.dimensions)
            create_chunk_table(self.database.client, index.id, function)
            if self.vector_index:
                create_vector_index(self.database, index.id)
            if self.full_text:
                create_full_text_index(self.database, index.id)
        except OperationalError as failure:
            if error_number(failure) != TABLE_EXISTS:  # made between pytidb's look and its CREATE
                raise as_our_error(failure, self.database.url) from failure

    def vector_index_progress(self, index: Index) -> VectorIndexProgress | None:
        """How far the server is with the index's HNSW index; None where it can have none."""
        if not self.vector_index:
            return None
        return self.database.transaction(lambda session: vector_index_progress(session, index.id))

    def merge_recent_rows(self, index: Index) -> None:
        """Let the server bring what was just written into its vector index, if it has one."""
        if self.vector_index:
            merge_recent_rows(self.database, index.id)

    def uses_vector_index(self, index: Index) -> bool:
        """Whether the server would find nearest vectors by HNSW."""
        return self.vector_index and self.database.transaction(
            lambda session: has_vector_index(session, index)
        )

    def add_server_indexes(self) -> None:
        """Give every index that has its tables what this server has for them, and others lack."""

        def read(session: Session) -> list[int]:
            wanted = select(IndexRow.id).where(IndexRow.state != IndexState.DROPPED)
            return list(session.scalars(wanted))

        for index_id in self.database.transaction(read):
            if not has_chunk_table(self.database, index_id):
                continue  # its build has not begun
            if self.vector_index:
                create_vector_index(self.database, index_id)
            if self.full_text:
                create_full_text_index(self.database, index_id)

    def live_chunks(self, index_id: int) -> int:
        """How many chunks of the index a search looks through."""
        return self.database.transaction(lambda session: live_chunks(session, index_id))

    def _claim(self, knowledge_base_id: int, recipe: Recipe) -> Index:
        def claim(session: Session) -> Index:
            base = _locked(session, knowledge_base_id)
            wanted = IndexRow.id == base.active_index_id
            if base.active_index_id is None:
                wanted = (
                    (IndexRow.knowledge_base_id == knowledge_base_id)
                    & (IndexRow.fingerprint == recipe.fingerprint)
                    & (IndexRow.state == IndexState.BUILDING)
                )
            # The newest rows, not the snapshot's: that is older than the lock, which a rival may
            # have held while it wrote the index that is looked for.
            row = session.scalar(select(IndexRow).where(wanted).with_for_update())
            if row is None:
                row = IndexRow(
                    knowledge_base_id=knowledge_base_id,
                    recipe=recipe.dump(),
                    fingerprint=recipe.fingerprint,
                    state=IndexState.BUILDING,
                    created_at=now(),
                )
                session.add(row)
                session.flush()
            return _index(row)

        return self.database.transaction(claim)

    def _activate(self, index: Index) -> Index:
        def activate(session: Session) -> Index:
            base = _locked(session, index.knowledge_base_id)
            row = session.get_one(IndexRow, base.active_index_id or index.id)
            row.state = IndexState.ACTIVE
            base.active_index_id = row.id
            return _index(row)

        return self.database.transaction(activate)


def _locked(session: Session, knowledge_base_id: int) -> KnowledgeBaseRow:
    base = session.get(KnowledgeBaseRow, knowledge_base_id, with_for_update=True)
    if base is None or base.deletion:
        raise KnowledgeBaseNotFound("That knowledge base is not there any more.")
    return base


def _index(row: IndexRow | Row[int, int, str, str, int]) -> Index:
    return Index(
        row.id, row.knowledge_base_id, Recipe.load(row.recipe), IndexState(row.state), row.version
    )
