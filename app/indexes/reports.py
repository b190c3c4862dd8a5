"""What people are told of a knowledge base's indexes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from app.database.connection import Database
from app.database.tables import with_zone
from app.documents.tables import DocumentRow, RevisionRow
from app.errors import IndexNotFound
from app.indexes.index import IN_STEP, Index, IndexState, Presence
from app.indexes.live import BY_KEY
from app.indexes.recipe import Recipe
from app.indexes.standing import Holding, Standing, holdings
from app.indexes.tables import IndexedRevisionRow, IndexRow
from app.indexes.vector_index import VectorIndexProgress, vector_index_progress


@dataclass(frozen=True)
class IndexReport:
    """An index: what it holds, how its build goes, and what can be done with it.

    `standing` is what it holds, `expected` what it should hold; `characters` of `of_characters` are
    in; `refused` documents are not, because its model will not have them. `seconds` is the time
    that its build took so far, `embedded` and `reused` count its chunks, `tokens` those that a
    remote model was sent.
    """

    index: Index
    standing: Standing
    expected: Standing
    chunks: int
    characters: int
    of_characters: int
    refused: int
    embedded: int
    reused: int
    tokens: int
    seconds: float
    being_built: bool
    error: str | None
    remedy: str | None
    promote_margin: float | None
    created_at: datetime
    built_at: datetime | None
    retired_at: datetime | None
    comparison: str | None
    """The last comparison with the active index, as `Comparison.dump` wrote it."""
    vector_index: VectorIndexProgress | None = None
    """How far TiFlash is with its vector index; None where the server can have none."""

    @property
    def in_step(self) -> bool:
        """Whether it holds exactly the revisions that it should, by count and by hash."""
        return self.standing == self.expected

    @property
    def can_be_promoted(self) -> bool:
        return self.index.state in IN_STEP and self.in_step

    @property
    def can_be_compared(self) -> bool:
        """Whether it holds all that it can, and is not the active one."""
        return self.can_be_promoted or self.index.state == IndexState.INCOMPLETE

    @property
    def share(self) -> float:
        """How much of the documents' text it holds, from 0 to 1."""
        if self.in_step:
            return 1.0
        return self.characters / self.of_characters if self.of_characters else 0.0

    @property
    def rate(self) -> float | None:
        """Chunks a second, over the whole build; None before it has been measured."""
        return (self.embedded + self.reused) / self.seconds if self.seconds else None

    @property
    def left(self) -> timedelta | None:
        """How long the build will take yet, by how it went; None where that cannot be told."""
        if self.index.state != IndexState.BUILDING or not self.seconds or not self.share:
            return None
        return timedelta(seconds=self.seconds * (1 - self.share) / self.share)

    @property
    def vector_bytes(self) -> int:
        """What its vectors take: four bytes a component."""
        return 4 * self.chunks * self.index.recipe.dimensions


class _Size(NamedTuple):
    """Of what searches of an index find."""

    chunks: int = 0
    characters: int = 0


@dataclass(frozen=True)
class IndexReports:
    """`vector_index` is whether the server can have vector indexes."""

    database: Database
    vector_index: bool = False

    def of(self, knowledge_base_id: int) -> tuple[IndexReport, ...]:
        """All indexes that have not been dropped, the active one first, then the newest."""

        def read(session: Session) -> tuple[IndexReport, ...]:
            rows = session.scalars(
                select(IndexRow)
                .where(
                    IndexRow.knowledge_base_id == knowledge_base_id,
                    IndexRow.state != IndexState.DROPPED,
                )
                .options(undefer(IndexRow.comparison))
                .order_by(IndexRow.id.desc())
            ).all()
            expected = Standing.of_base(session, knowledge_base_id)
            of_characters = _characters(session, knowledge_base_id)
            held = holdings(session, [row.id for row in rows])
            sizes = _sizes(session, held)
            reports = [
                _report(row, held[row.id], sizes.get(row.id, _Size()), expected, of_characters)
                for row in rows
            ]
            if self.vector_index:
                reports = [
                    replace(one, vector_index=vector_index_progress(session, one.index.id))
                    for one in reports
                ]
            return tuple(sorted(reports, key=lambda r: r.index.state != IndexState.ACTIVE))

        return self.database.transaction(read)

    def one(self, knowledge_base_id: int, index_id: int) -> IndexReport:
        """The index of that id.

        Raises:
            IndexNotFound: the knowledge base has none, or has dropped it.
        """
        for report in self.of(knowledge_base_id):
            if report.index.id == index_id:
                return report
        raise IndexNotFound(f"There is no index {index_id} in it.")

    def keep_comparison(self, index_id: int, comparison: str) -> None:
        def keep(session: Session) -> None:
            row = session.get(IndexRow, index_id, with_for_update=True)
            if row is not None:
                row.comparison = comparison

        self.database.transaction(keep)


def _characters(session: Session, knowledge_base_id: int) -> int:
    (summed,) = session.execute(
        select(func.coalesce(func.sum(RevisionRow.characters), 0))
        .join(DocumentRow, DocumentRow.current_revision_id == RevisionRow.id)
        .where(DocumentRow.knowledge_base_id == knowledge_base_id, DocumentRow.deletion == 0)
    ).one()
    return int(summed or 0)


def _sizes(session: Session, index_ids: Collection[int]) -> dict[int, _Size]:
    summed = session.execute(
        select(
            IndexedRevisionRow.index_id,
            func.sum(IndexedRevisionRow.chunks),
            func.sum(RevisionRow.characters),
        )
        .with_hint(IndexedRevisionRow, BY_KEY)
        .join(RevisionRow, RevisionRow.id == IndexedRevisionRow.revision_id)
        .where(
            IndexedRevisionRow.index_id.in_(index_ids),
            IndexedRevisionRow.state == Presence.LIVE,
        )
        .group_by(IndexedRevisionRow.index_id)
    )
    return {
        index_id: _Size(int(chunks), int(characters or 0))
        for index_id, chunks, characters in summed
    }


def _report(
    row: IndexRow, holding: Holding, size: _Size, expected: Standing, of_characters: int
) -> IndexReport:
    recipe = Recipe.load(row.recipe)
    return IndexReport(
        index=Index(row.id, row.knowledge_base_id, recipe, IndexState(row.state), row.version),
        standing=holding.live,
        expected=expected,
        chunks=size.chunks,
        characters=size.characters,
        of_characters=of_characters,
        refused=holding.refused.revisions,
        embedded=row.embedded,
        reused=row.reused,
        tokens=row.tokens,
        seconds=row.seconds,
        being_built=row.owner is not None,
        error=row.error,
        remedy=row.remedy,
        promote_margin=row.promote_margin,
        created_at=with_zone(row.created_at),
        built_at=with_zone(row.built_at) if row.built_at else None,
        retired_at=with_zone(row.retired_at) if row.retired_at else None,
        comparison=row.comparison,
    )
