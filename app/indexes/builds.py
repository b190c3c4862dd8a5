"""The store of builds: which index is to be built, by whom, what it lacks, and how it ends."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now
from app.documents.tables import DocumentRow, KnowledgeBaseRow, RevisionRow
from app.errors import IndexConflict, TidemarkError
from app.indexes.index import IN_STEP, Index, IndexState, Presence
from app.indexes.recipe import Recipe
from app.indexes.refusals import note_refused, told_refused
from app.indexes.standing import Standing, holdings
from app.indexes.switch import decided, locked_indexes
from app.indexes.tables import IndexedRevisionRow, IndexRow

LEASE = timedelta(seconds=90)
COMPARING = timedelta(minutes=10)
"""The lease while a scheduled index is compared, which nobody notes the progress of."""
FAULT_PAUSE = timedelta(seconds=30)
"""Before a build goes on after a fault that may pass."""
MOST_INDEXES = 4
"""Of one knowledge base: every upload is embedded for each of them."""


@dataclass(frozen=True)
class BuildClaim:
    """An index that one worker builds, or compares if it is to be promoted by itself.

    `owner` names this claim alone.
    """

    owner: str
    index: Index


@dataclass(frozen=True)
class MissingRevision:
    """A current revision that an index lacks."""

    document_id: int
    revision_id: int
    characters: int


@dataclass(frozen=True)
class Work:
    """What was done since it was last noted: chunks, tokens sent to the model, seconds."""

    embedded: int = 0
    reused: int = 0
    tokens: int = 0
    seconds: float = 0.0


class BuildStopped(Exception):
    """The build was paused, cancelled or taken over: the claim may write nothing more."""


class RevisionsLeft(Exception):
    """These revisions are not wanted any more: their documents have newer ones, or were deleted."""

    def __init__(self, revision_ids: frozenset[int]) -> None:
        super().__init__(f"Revisions {sorted(revision_ids)} left.")
        self.revision_ids = revision_ids


@dataclass(frozen=True)
class BuildStore:
    database: Database

    def start(self, knowledge_base_id: int, recipe: Recipe, margin: float | None = None) -> Index:
        """Begin an index under `recipe`; workers build it. `margin` is `Switch.schedule`'s.

        Raises:
            IndexConflict: there is one under this recipe, there are too many, or there is nothing
                to build it of.
        """

        def begin(session: Session) -> Index:
            base, rows = locked_indexes(session, knowledge_base_id)
            same = next((r for r in rows.values() if r.fingerprint == recipe.fingerprint), None)
            if same is not None:
                raise IndexConflict(
                    f"Index {same.id} has this recipe already, and is {same.state}.",
                    remedy="Choose another model, width, prefix or size of chunks.",
                )
            if base.active_index_id is None:
                raise IndexConflict(
                    "The knowledge base has no index yet.",
                    remedy="Its first document gets one under the recipe of the settings.",
                )
            if len(rows) >= MOST_INDEXES:
                raise IndexConflict(
                    f"The knowledge base has {len(rows)} indexes, each of which every upload goes "
                    "into.",
                    remedy="Drop one first.",
                )
            row = IndexRow(
                knowledge_base_id=base.id,
                recipe=recipe.dump(),
                fingerprint=recipe.fingerprint,
                state=IndexState.BUILDING,
                promote_margin=margin,
                created_at=now(),
            )
            session.add(row)
            session.flush()
            return Index(row.id, base.id, recipe, IndexState.BUILDING)

        return decided(self.database, begin)

    def claim(self) -> BuildClaim | None:
        """Take an index that is to be built, or compared, and that nobody has; None if none is.

        Those that were ready and scheduled are there as well: whoever was to compare one may have
        died, or met a fault.
        """
        owner = secrets.token_hex(16)
        scheduled = IndexRow.state.in_(IN_STEP) & IndexRow.promote_margin.is_not(None)
        free = (
            ((IndexRow.state == IndexState.BUILDING) | scheduled)
            & or_(IndexRow.lease_until.is_(None), IndexRow.lease_until < now())
            & or_(IndexRow.not_before.is_(None), IndexRow.not_before <= now())
        )

        def take(session: Session) -> BuildClaim | None:
            waiting = session.scalars(
                select(IndexRow.id)
                .join(KnowledgeBaseRow, KnowledgeBaseRow.id == IndexRow.knowledge_base_id)
                # The first index of a knowledge base is made by its first ingest.
                .where(free, KnowledgeBaseRow.deletion == 0, KnowledgeBaseRow.active_index_id > 0)
                .order_by(IndexRow.id)
            ).all()
            for index_id in waiting:
                row = session.get_one(IndexRow, index_id, with_for_update=True)
                silent = row.lease_until is None or row.lease_until < now()
                compare = row.state in IN_STEP and row.promote_margin is not None
                if silent and (compare or row.state == IndexState.BUILDING):
                    row.owner, row.lease_until = owner, now() + (COMPARING if compare else LEASE)
                    recipe, state = Recipe.load(row.recipe), IndexState(row.state)
                    return BuildClaim(owner, Index(row.id, row.knowledge_base_id, recipe, state))
            return None

        return self.database.transaction(take)

    def missing(
        self, index: Index, last_id: int, most: int, most_characters: int
    ) -> tuple[MissingRevision, ...]:
        """Some of the current revisions that the index lacks: up to `most_characters`, or one.

        They come in the order of their ids, from after `last_id` on. Those that its model refused
        are not tried again.
        """
        held = exists().where(
            IndexedRevisionRow.index_id == index.id,
            IndexedRevisionRow.revision_id == DocumentRow.current_revision_id,
            IndexedRevisionRow.state.in_([Presence.LIVE, Presence.REFUSED]),
        )

        def read(session: Session) -> tuple[MissingRevision, ...]:
            rows = session.execute(
                select(DocumentRow.id, RevisionRow.id, RevisionRow.characters)
                .join(RevisionRow, RevisionRow.id == DocumentRow.current_revision_id)
                .where(
                    DocumentRow.knowledge_base_id == index.knowledge_base_id,
                    DocumentRow.deletion == 0,
                    RevisionRow.id > last_id,
                    ~held,
                )
                .order_by(RevisionRow.id)
                .limit(most)
            )
            found: list[MissingRevision] = []
            size = 0
            for document_id, revision_id, characters in rows:
                size += characters or 0
                if found and size > most_characters:
                    break
                found.append(MissingRevision(document_id, revision_id, characters or 0))
            return tuple(found)

        return self.database.transaction(read)

    def require_held(
        self, session: Session, claim: BuildClaim, revision_ids: Collection[int]
    ) -> None:
        """Let a transaction go on only while the claim holds, and all the revisions are staged.

        Raises:
            BuildStopped, RevisionsLeft
        """
        _held(session, claim)
        rows = session.execute(
            select(IndexedRevisionRow.revision_id, IndexedRevisionRow.state)
            .where(  # by key alone: see `Database.transaction`
                IndexedRevisionRow.index_id == claim.index.id,
                IndexedRevisionRow.revision_id.in_(revision_ids),
            )
            .with_for_update()
        )
        staged = {revision_id for revision_id, state in rows if state == Presence.STAGED}
        left = frozenset(revision_ids) - staged
        if left:
            raise RevisionsLeft(left)

    def publish(self, claim: BuildClaim, revisions: Sequence[MissingRevision]) -> None:
        """Make whole revisions found in the index, those that are still their documents' current.

        Raises:
            BuildStopped: see `require_held`.
        """

        def show(session: Session) -> None:
            documents = session.execute(
                select(DocumentRow.id, DocumentRow.current_revision_id, DocumentRow.deletion)
                .where(DocumentRow.id.in_([one.document_id for one in revisions]))
                .order_by(DocumentRow.id)
                .with_for_update()
            )
            current = {i: revision for i, revision, deletion in documents if not deletion}
            wanted = [r for r in revisions if current.get(r.document_id) == r.revision_id]
            self.require_held(session, claim, [r.revision_id for r in wanted])
            for state, some in (
                (Presence.LIVE, wanted),
                (Presence.LEAVING, [r for r in revisions if r not in wanted]),
            ):
                session.execute(
                    update(IndexedRevisionRow)
                    .where(
                        IndexedRevisionRow.index_id == claim.index.id,
                        IndexedRevisionRow.revision_id.in_([r.revision_id for r in some]),
                    )
                    .values(state=state, changed_at=now())
                    .execution_options(synchronize_session=False)
                )
            session.execute(
                update(IndexRow)
                .where(IndexRow.id == claim.index.id)
                .values(version=IndexRow.version + 1)
            )

        if revisions:
            self.database.transaction(show)

    def refuse(self, claim: BuildClaim, revision: MissingRevision, error: TidemarkError) -> None:
        """Note why the index's model will not have a revision; the build goes on without it.

        Raises:
            BuildStopped: the claim does not hold any more.
        """

        def refuse(session: Session) -> None:
            # In the order in which `publish` locks them.
            session.get(DocumentRow, revision.document_id, with_for_update=True)
            _held(session, claim).version += 1
            note_refused(session, claim.index.id, revision.revision_id, error)

        self.database.transaction(refuse)

    def note(self, claim: BuildClaim, work: Work) -> None:
        """Add to what the build has done, and hold the lease longer.

        What was done is added whether the claim holds or not: it may have been paid for.

        Raises:
            BuildStopped: the claim does not hold any more.
        """

        def add(session: Session) -> bool:
            row = session.get(IndexRow, claim.index.id, with_for_update=True)
            if row is None:
                return False
            row.embedded += work.embedded
            row.reused += work.reused
            row.tokens += work.tokens
            row.seconds += work.seconds
            if not _holds(row, claim):
                return False
            row.lease_until = now() + LEASE
            row.error = row.remedy = None
            return True

        if not self.database.transaction(add):
            raise BuildStopped

    def finish(self, claim: BuildClaim) -> bool:
        """End the build if the index holds every current revision, by count and by hash.

        So it does where it holds all but those that its model refused: it is incomplete then, and
        not promoted by itself. False where something is left to do. What it holds beyond that is
        let go of.

        Raises:
            BuildStopped: the claim does not hold any more.
        """

        def end(session: Session) -> bool:
            base, rows = locked_indexes(session, claim.index.knowledge_base_id)
            row = rows.get(claim.index.id)
            if row is None or not _holds(row, claim):
                raise BuildStopped
            holding = holdings(session, [row.id])[row.id]
            if holding.settled != Standing.of_base(session, base.id):
                _let_go_of_strays(session, row)
                return False
            row.state = IndexState.RETIRED if row.retired_at else IndexState.READY
            row.built_at = now()
            row.error = row.remedy = None
            if lacking := holding.refused.revisions:
                row.state = IndexState.INCOMPLETE
                if row.promote_margin is not None:
                    row.promote_margin = None
                    row.error = f"It was not promoted by itself: {told_refused(lacking)}."
                    row.remedy = "Try them again, or promote it without them."
            if row.promote_margin is None:
                row.owner = row.lease_until = None
            else:
                row.lease_until = now() + COMPARING
            return True

        return decided(self.database, end)

    def set_back(self, index_id: int, error: TidemarkError, owner: str | None = None) -> None:
        """Note why the index cannot be filled, or compared by its `owner`, now.

        That is tried again after a pause, if it may help.
        """
        again = error.retryable

        def note(session: Session) -> None:
            row = session.get(IndexRow, index_id, with_for_update=True)
            ours = row is not None and (owner is None or row.owner == owner)
            if row is None or not ours or row.state in {IndexState.ACTIVE, IndexState.DROPPED}:
                return
            if owner is not None and row.state in IN_STEP:
                row.promote_margin = row.promote_margin if again else None
            elif row.state != IndexState.PAUSED:
                row.state = IndexState.BUILDING if again else IndexState.FAILED
            row.not_before = now() + FAULT_PAUSE if again else None
            row.error, row.remedy = error.message, error.remedy
            if owner is not None:
                row.owner = row.lease_until = None

        self.database.transaction(note)

    def not_promoted(self, index_id: int, reason: str, remedy: str) -> None:
        """Take back that the index is to be promoted by itself, and say why."""

        def note(session: Session) -> None:
            row = session.get(IndexRow, index_id, with_for_update=True)
            if row is not None:
                row.promote_margin = None
                row.error, row.remedy = reason, remedy

        self.database.transaction(note)

    def release(self, claim: BuildClaim) -> None:
        """Let others go on with it; with a promotion that could not be yet, after a pause."""

        def give_back(session: Session) -> None:
            row = session.get(IndexRow, claim.index.id, with_for_update=True)
            if row is not None and row.owner == claim.owner:
                row.owner = row.lease_until = None
                if row.state in IN_STEP and row.promote_margin is not None:
                    row.not_before = now() + FAULT_PAUSE

        self.database.transaction(give_back)


def _held(session: Session, claim: BuildClaim) -> IndexRow:
    """The row of the claim's index, locked, while the claim holds."""
    row = session.get(IndexRow, claim.index.id, with_for_update=True)
    if row is None or not _holds(row, claim):
        raise BuildStopped
    return row


def _holds(row: IndexRow, claim: BuildClaim) -> bool:
    return row.owner == claim.owner and row.state == IndexState.BUILDING


def _let_go_of_strays(session: Session, row: IndexRow) -> None:
    """Revisions that are found in the index, and are no document's current one."""
    current = exists().where(
        DocumentRow.current_revision_id == IndexedRevisionRow.revision_id,
        DocumentRow.deletion == 0,
    )
    session.execute(
        update(IndexedRevisionRow)
        .where(
            IndexedRevisionRow.index_id == row.id,
            IndexedRevisionRow.state.in_([Presence.LIVE, Presence.REFUSED]),
            ~current,
        )
        .values(state=Presence.LEAVING, changed_at=now())
        .execution_options(synchronize_session=False)
    )
