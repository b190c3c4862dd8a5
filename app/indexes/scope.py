"""What a search may find: current revisions, of the documents and chunks that were asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.orm import Session

from app.indexes.index import Presence
from app.indexes.tables import IndexedRevisionRow, IndexRow

_NOT_CURRENT = (
    select(IndexRow.version, IndexedRevisionRow.revision_id)
    # Few are not live; without statistics TiDB would go through all the others to find them.
    .with_hint(IndexedRevisionRow, "USE INDEX (ix_indexed_revisions_state)")
    .outerjoin(
        IndexedRevisionRow,
        (IndexedRevisionRow.index_id == IndexRow.id)
        & or_(
            IndexedRevisionRow.state.in_([Presence.STAGED, Presence.LEAVING]),
            # Of most that are refused, and soon of all, no chunk is there to be left out.
            and_(IndexedRevisionRow.state == Presence.REFUSED, IndexedRevisionRow.chunks > 0),
        ),
    )
    .where(IndexRow.id == bindparam("index"))
)


MANY = 200
"""Runs of revisions that are left out from which on TiDB looks them up by itself: a long list costs
it ten times as long, and thousands leave at once where many documents are deleted."""


@dataclass(frozen=True)
class Within:
    """Where a search looks; None is everywhere. `without` are chunks that are left out."""

    document_ids: tuple[int, ...] | None = None
    chunk_ids: tuple[int, ...] | None = None
    without: tuple[int, ...] = ()

    @property
    def nowhere(self) -> bool:
        """Whether nothing can be found."""
        return self.document_ids == () or self.chunk_ids == ()


EVERYWHERE = Within()


@dataclass(frozen=True)
class Scope:
    """Read in the snapshot of the search. `wanted` is None where every document may be found.

    `version` is the index's in that snapshot.
    """

    index_id: int
    version: int
    not_current: tuple[int, ...]
    wanted: tuple[int, ...] | None
    within: Within = EVERYWHERE

    @classmethod
    def of(cls, session: Session, index_id: int, within: Within = EVERYWHERE) -> Scope:
        rows = session.execute(_NOT_CURRENT, {"index": index_id}).all()
        version = rows[0][0] if rows else 0
        not_current = tuple(revision for _, revision in rows if revision is not None)
        wanted = None
        if within.document_ids is not None:
            wanted = session.scalars(
                select(IndexedRevisionRow.revision_id).where(
                    IndexedRevisionRow.index_id == index_id,
                    IndexedRevisionRow.document_id.in_(within.document_ids),
                    IndexedRevisionRow.state == Presence.LIVE,
                )
            ).all()
        revisions = None if wanted is None else tuple(wanted)
        return cls(index_id, version, not_current, revisions, within)

    @property
    def filtered(self) -> bool:
        """Whether less is looked for than all that is current."""
        return self.wanted is not None or self.within != EVERYWHERE

    def clause(self, revision: str, chunk: str = "chunk_id") -> str:
        """As a condition on the SQL expressions of a revision's and a chunk's id; `AND` first.

        Only numbers of ours are written into it: as values, thousands would each need a name.
        """
        clause = self.not_current_clause(revision)
        if self.wanted is not None:
            clause = f" AND {revision} IN ({_listed(self.wanted)})"
        if self.within.chunk_ids is not None:
            clause += f" AND {chunk} IN ({_listed(self.within.chunk_ids)})"
        elif self.within.without:
            clause += f" AND {chunk} NOT IN ({_listed(self.within.without)})"
        return clause

    def not_current_clause(self, revision: str) -> str:
        """As `clause`, for every document."""
        if not self.not_current:
            return ""
        runs = tuple(_runs(self.not_current))
        if len(runs) > MANY:
            return (
                f" AND {revision} NOT IN (SELECT revision_id FROM indexed_revisions "  # noqa: S608
                f"WHERE index_id = {self.index_id} AND state <> '{Presence.LIVE}')"
            )
        # What is uploaded together has ids in a row, and to compare with two takes less than with
        # each of them.
        left_out = [f"{first} AND {last}" for first, last in runs if first != last]
        clause = "".join(f" AND {revision} NOT BETWEEN {run}" for run in left_out)
        if single := [first for first, last in runs if first == last]:
            clause += f" AND {revision} NOT IN ({_listed(single)})"
        return clause


def _runs(ids: Collection[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of each row of ids that follow each other."""
    ordered = sorted(ids)
    first = 0
    for at in range(1, len(ordered) + 1):
        if at == len(ordered) or ordered[at] != ordered[at - 1] + 1:
            yield int(ordered[first]), int(ordered[at - 1])
            first = at


def _listed(ids: Collection[int]) -> str:
    return ", ".join(str(int(each)) for each in ids) or "0"
