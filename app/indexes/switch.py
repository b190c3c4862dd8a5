"""Which index a knowledge base is searched from, and what becomes of the others.

Each verb is one transaction over the knowledge base's row and its indexes' rows. Running searches
finish on the index they began with: its tables are there until it was dropped a minute ago.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now
from app.documents.tables import KnowledgeBaseRow
from app.errors import IndexConflict, IndexNotFound, KnowledgeBaseNotFound
from app.indexes.index import IN_STEP, IndexState, Presence
from app.indexes.refusals import refused_revisions, told_refused
from app.indexes.standing import Holding, Standing, holdings
from app.indexes.tables import IndexedRevisionRow, IndexRow

T = TypeVar("T")

TRIES = 20  # when a document is published between the snapshot and the lock
UNFINISHED = frozenset(
    {IndexState.BUILDING, IndexState.PAUSED, IndexState.FAILED, IndexState.INCOMPLETE}
)


class _Moved(Exception):
    """What the knowledge base holds changed while the transaction was about to be decided."""


@dataclass(frozen=True)
class Switch:
    database: Database

    def promote(self, knowledge_base_id: int, index_id: int, without: int = 0) -> None:
        """Answer searches from the index from now on; the former one is kept, and kept up to date.

        `without` is how many documents it may lack because its model refuses them.

        Raises:
            IndexNotFound: the knowledge base has no such index.
            IndexConflict: it lacks more than that, or is the active one.
        """

        def switch(session: Session, base: KnowledgeBaseRow, rows: dict[int, IndexRow]) -> None:
            row = _named(rows, index_id)
            if row.state == IndexState.ACTIVE:
                raise IndexConflict(f"Index {index_id} is the active one already.")
            held = holdings(session, rows)
            if row.state == IndexState.INCOMPLETE:
                lacking = held[index_id].refused.revisions
                if lacking > without:
                    raise IndexConflict(
                        f"Index {index_id} is incomplete: {told_refused(lacking)}.",
                        remedy="Look at which they are. Then try them again, or promote it without "
                        f"{'that one' if lacking == 1 else f'those {lacking}'}.",
                    )
            elif row.state not in IN_STEP:
                raise IndexConflict(
                    f"Index {index_id} is {row.state}: it lacks revisions that the active one has.",
                    remedy="Wait until it is ready, or let it be promoted by itself once it is.",
                )
            expected = Standing.of_base(session, base.id)
            if held[index_id].settled != expected:
                raise IndexConflict(
                    f"Index {index_id} does not hold the same revisions as the active one.",
                    remedy="Report it: an index that is ready should. Drop it and build it again.",
                )
            for other in rows.values():
                if other.state == IndexState.ACTIVE:
                    other.state = _retired(held[other.id], expected)
                    other.retired_at = now()
            row.state, row.retired_at, row.promote_margin = IndexState.ACTIVE, None, None
            row.error = row.remedy = None
            base.active_index_id = row.id

        self._decide(knowledge_base_id, switch)

    def revert(self, knowledge_base_id: int, without: int = 0) -> int:
        """Take the last promotion back: the index that was active before is so again; its id.

        Raises:
            IndexConflict: no former index was kept, or it lags behind, as `promote` says.
        """

        def read(session: Session) -> int | None:
            return session.scalar(
                select(IndexRow.id)
                .where(
                    IndexRow.knowledge_base_id == knowledge_base_id,
                    IndexRow.retired_at.is_not(None),
                    IndexRow.state != IndexState.DROPPED,
                )
                .order_by(IndexRow.retired_at.desc())
                .limit(1)
            )

        former = self.database.transaction(read)
        if former is None:
            raise IndexConflict(
                "There is no former index to go back to.",
                remedy="An index can be taken back to as long as it has not been dropped.",
            )
        self.promote(knowledge_base_id, former, without)
        return former

    def drop(self, knowledge_base_id: int, index_id: int) -> None:
        """Let go of an index that is not active; its tables are dropped a minute later.

        Of one that is building, this is the cancelling.

        Raises:
            IndexNotFound, IndexConflict: as `promote`.
        """

        def drop(_: Session, base: KnowledgeBaseRow, rows: dict[int, IndexRow]) -> None:
            row = _named(rows, index_id)
            if row.id == base.active_index_id:
                raise IndexConflict(
                    f"Index {index_id} is the active one: searches are answered from it.",
                    remedy="Promote another one first.",
                )
            row.state, row.dropped_at, row.owner = IndexState.DROPPED, now(), None

        self._decide(knowledge_base_id, drop)

    def pause(self, knowledge_base_id: int, index_id: int) -> None:
        """Let the build rest after the batch at hand."""

        def pause(_: Session, __: KnowledgeBaseRow, rows: dict[int, IndexRow]) -> None:
            row = _named(rows, index_id)
            if row.state != IndexState.BUILDING:
                raise IndexConflict(f"Index {index_id} is {row.state}: nothing is being built.")
            row.state, row.owner, row.lease_until = IndexState.PAUSED, None, None

        self._decide(knowledge_base_id, pause)

    def resume(self, knowledge_base_id: int, index_id: int) -> None:
        """Go on with a build that was paused, has failed, or waits after a fault.

        What the index's model refused is tried again.
        """

        def resume(session: Session, __: KnowledgeBaseRow, rows: dict[int, IndexRow]) -> None:
            row = _named(rows, index_id)
            if row.state not in UNFINISHED:
                raise IndexConflict(f"Index {index_id} is {row.state}: nothing is left to build.")
            row.state = IndexState.BUILDING
            row.not_before = row.error = row.remedy = None
            session.execute(
                update(IndexedRevisionRow)
                .where(
                    IndexedRevisionRow.index_id == index_id,
                    IndexedRevisionRow.revision_id.in_(refused_revisions(session, index_id)),
                )
                .values(state=Presence.LEAVING, changed_at=now())
                .execution_options(synchronize_session=False)
            )

        self._decide(knowledge_base_id, resume)

    def schedule(self, knowledge_base_id: int, index_id: int, margin: float | None) -> None:
        """Promote the index by itself once it is built, if it is not worse by more than `margin`.

        `margin` is in the measure's own points, from 0 to 1; None takes the schedule back. One that
        is ready already is looked at at once.
        """

        def schedule(_: Session, __: KnowledgeBaseRow, rows: dict[int, IndexRow]) -> None:
            row = _named(rows, index_id)
            if row.state == IndexState.ACTIVE:
                raise IndexConflict(f"Index {index_id} is the active one already.")
            row.promote_margin = margin
            row.not_before = row.error = row.remedy = None

        self._decide(knowledge_base_id, schedule)

    def _decide(
        self,
        knowledge_base_id: int,
        work: Callable[[Session, KnowledgeBaseRow, dict[int, IndexRow]], T],
    ) -> T:
        """Run `work` on locked rows whose contents are those of the transaction's snapshot."""

        def decide(session: Session) -> T:
            base, rows = locked_indexes(session, knowledge_base_id)
            return work(session, base, rows)

        return decided(self.database, decide)


def decided(database: Database, work: Callable[[Session], T]) -> T:
    """Run `work`, again where documents were published just before its locks were got."""
    for left in reversed(range(TRIES)):
        try:
            return database.transaction(work)
        except _Moved:
            if not left:
                break
    raise IndexConflict(
        "Documents change too quickly at this moment.", remedy="Try again in a second."
    )


def locked_indexes(
    session: Session, knowledge_base_id: int
) -> tuple[KnowledgeBaseRow, dict[int, IndexRow]]:
    """The knowledge base's row and those of its indexes, locked; to be the first thing asked for.

    A lock is got on the newest rows, while all else is read from the snapshot that the transaction
    began with. Whoever changes what is live counts `version` up: where it differs, the snapshot is
    too old to decide by.
    """
    of_base = IndexRow.knowledge_base_id == knowledge_base_id
    seen = dict(session.execute(select(IndexRow.id, IndexRow.version).where(of_base)).all())
    base = session.get(KnowledgeBaseRow, knowledge_base_id, with_for_update=True)
    if base is None or base.deletion:
        raise KnowledgeBaseNotFound("That knowledge base is not there any more.")
    rows = session.scalars(select(IndexRow).where(of_base).order_by(IndexRow.id).with_for_update())
    there = {row.id: row for row in rows}
    if any(seen.get(row.id) != row.version for row in there.values()):
        raise _Moved
    return base, {i: row for i, row in there.items() if row.state != IndexState.DROPPED}


def _retired(holding: Holding, expected: Standing) -> IndexState:
    """The state of an index that is no longer active, by what it holds."""
    if holding.live == expected:
        return IndexState.RETIRED
    if holding.settled == expected:
        return IndexState.INCOMPLETE
    return IndexState.BUILDING  # it is given what it lacks


def _named(rows: dict[int, IndexRow], index_id: int) -> IndexRow:
    row = rows.get(index_id)
    if row is None:
        raise IndexNotFound(f"There is no index {index_id} in it.")
    return row
