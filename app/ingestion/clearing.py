"""Clearing what nobody can see any more: chunks that left, and what deleted documents owned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Delete, Select, column, delete, exists, func, select, table
from sqlalchemy.orm import Session, aliased

from app.database.connection import Database
from app.database.tables import now
from app.documents.question_tables import (
    EvaluatedQuestionRow,
    EvaluationRow,
    QuestionRow,
    RightPassageRow,
    WrittenQuestionRow,
)
from app.documents.search_tables import SavedSearchRow
from app.documents.tables import (
    BlobRow,
    DocumentRow,
    KnowledgeBaseRow,
    LabelRow,
    RevisionRow,
    RevisionTextRow,
    SourceRow,
)
from app.indexes.chunks import drop_index_tables, remove_chunks
from app.indexes.index import IndexState, Presence
from app.indexes.tables import IndexedRevisionRow, IndexRow
from app.ingestion.fetching.tables import AddressRow
from app.ingestion.job import JobState
from app.ingestion.tables import JobRow

AT_ONCE = 100
# What was asked and answered; its store is in a room above.
CONVERSATIONS = table(
    "conversations",
    column("id"),
    column("knowledge_base_id"),
    column("knowledge_base"),
    column("created_at"),
)
TURNS = table("turns", column("id"), column("conversation_id"))
FEEDBACK = table("feedback", column("turn_id"))
CITATIONS = table("citations", column("turn_id"), column("document_id"), column("revision_id"))


@dataclass(frozen=True)
class Clearing:
    """Takes everything in batches; it may be stopped at any point and is begun again.

    `grace` is how long what was deleted or replaced is kept: who is reading it can go on. Deleted
    documents can be brought back for `keep_deleted`, and are kept for `grace` longer, so that none
    is removed while it is brought back. Of each document, `keep_revisions` are kept, or all.
    """

    database: Database
    grace: timedelta = timedelta(seconds=60)
    keep_deleted: timedelta = timedelta(0)
    keep_revisions: int | None = None

    def clear(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Remove all there is to remove, until `stopped`."""
        self._supersede()
        long_ago = now() - self.grace
        dropped = select(IndexRow.id).where(
            IndexRow.state == IndexState.DROPPED, IndexRow.dropped_at < long_ago
        )
        while not stopped() and (gone := self._ids(dropped)):
            for index_id in gone:
                self._remove_index(index_id)
        documents = select(DocumentRow.id).where(
            DocumentRow.deleted_at < long_ago - self.keep_deleted
        )
        bases = select(KnowledgeBaseRow.id).where(KnowledgeBaseRow.deleted_at < long_ago)
        for presence, end in (
            (Presence.LEAVING, self._forget_presence),
            (Presence.REFUSED, self._note_empty),
        ):
            while not stopped() and (keys := self._with_chunks(presence)):
                for index_id, revision_id in keys:
                    remove_chunks(self.database, index_id, revision_id, only=presence)
                    end(index_id, revision_id)
        self._clear_old(stopped)
        while not stopped() and (gone := self._ids(documents)):
            for document_id in gone:
                self._remove_document(document_id)
        while not stopped() and (gone := self._ids(bases)):
            for base_id in gone:
                self._remove_base(base_id)

    def _supersede(self) -> None:
        """Let go of what failed half-way, once a newer revision is there to be read instead."""
        failed, current = aliased(RevisionRow), aliased(RevisionRow)
        superseded = (
            select(IndexedRevisionRow.index_id, IndexedRevisionRow.revision_id)
            .join(failed, failed.id == IndexedRevisionRow.revision_id)
            .join(DocumentRow, DocumentRow.id == IndexedRevisionRow.document_id)
            .join(current, current.id == DocumentRow.current_revision_id)
            .where(
                IndexedRevisionRow.state == Presence.STAGED,
                current.number > failed.number,
                ~exists().where(
                    JobRow.document_id == DocumentRow.id,
                    JobRow.state.in_([JobState.READY, JobState.RUNNING, JobState.PAUSED]),
                ),
            )
            .limit(AT_ONCE)
        )

        def let_go(session: Session) -> None:
            for key in session.execute(superseded).all():
                row = session.get(IndexedRevisionRow, key, with_for_update=True)
                if row is not None and row.state == Presence.STAGED:
                    row.state, row.changed_at = Presence.LEAVING, now()

        self.database.transaction(let_go)

    def _with_chunks(self, presence: Presence) -> list[tuple[int, int]]:
        """Some revisions that have been so for long enough; of refused ones, that have chunks."""
        of_kind = IndexedRevisionRow.state == presence
        if presence is Presence.REFUSED:
            of_kind &= IndexedRevisionRow.chunks > 0

        def read(session: Session) -> list[tuple[int, int]]:
            rows = session.execute(
                select(IndexedRevisionRow.index_id, IndexedRevisionRow.revision_id)
                .join(IndexRow, IndexRow.id == IndexedRevisionRow.index_id)
                .where(
                    IndexRow.state != IndexState.DROPPED,  # its tables go as a whole
                    of_kind,
                    IndexedRevisionRow.changed_at < now() - self.grace,
                )
                .limit(AT_ONCE)
            )
            return list(rows.all())

        return self.database.transaction(read)

    def _clear_old(self, stopped: Callable[[], bool]) -> None:
        while not stopped() and self.keep_revisions and (old := self._old(self.keep_revisions)):
            for revision_id in old:
                self._remove_contents(revision_id)

    def _old(self, kept: int) -> list[int]:
        """Revisions that are over the number to keep, and that nothing needs."""
        old, current, between = (aliased(RevisionRow) for _ in range(3))
        newer = (
            select(func.count())
            .where(
                between.document_id == old.document_id,
                between.number > old.number,
                between.number < current.number,
            )
            .scalar_subquery()
        )
        return self._ids(
            select(old.id)
            .join(DocumentRow, DocumentRow.id == old.document_id)
            .join(current, current.id == DocumentRow.current_revision_id)
            .where(
                old.number < current.number,
                newer >= kept - 1,
                ~exists().where(IndexedRevisionRow.revision_id == old.id),
                ~exists().where(
                    CITATIONS.c.document_id == old.document_id, CITATIONS.c.revision_id == old.id
                ),
                ~exists().where(
                    JobRow.document_id == old.document_id,
                    JobRow.revision_id == old.id,
                    JobRow.state.in_([JobState.READY, JobState.RUNNING, JobState.PAUSED]),
                ),
            )
        )

    def _forget_presence(self, index_id: int, revision_id: int) -> None:
        self._delete(
            delete(IndexedRevisionRow).where(
                IndexedRevisionRow.index_id == index_id,
                IndexedRevisionRow.revision_id == revision_id,
                IndexedRevisionRow.state == Presence.LEAVING,
            )
        )

    def _note_empty(self, index_id: int, revision_id: int) -> None:
        """No search need leave the revision out from now on: nothing of it is there."""

        def note(session: Session) -> None:
            key = (index_id, revision_id)
            row = session.get(IndexedRevisionRow, key, with_for_update=True)
            if row is not None and row.state == Presence.REFUSED:
                row.chunks = row.terms = 0

        self.database.transaction(note)

    def _remove_document(self, document_id: int) -> None:
        """First what hangs on it, then itself: a clearing that dies in between is begun again."""
        revisions = select(RevisionRow.id).where(RevisionRow.document_id == document_id)
        indexes = (
            select(IndexRow.id)
            .join(DocumentRow, DocumentRow.knowledge_base_id == IndexRow.knowledge_base_id)
            .where(DocumentRow.id == document_id, IndexRow.state != IndexState.DROPPED)
        )
        while revision_ids := self._ids(revisions):
            for revision_id in revision_ids:
                for index_id in self._ids(indexes):
                    remove_chunks(self.database, index_id, revision_id)
                self._remove_contents(revision_id)
        self._delete(
            delete(IndexedRevisionRow).where(IndexedRevisionRow.document_id == document_id)
        )
        self._delete(delete(LabelRow).where(LabelRow.document_id == document_id))
        self._delete(delete(SourceRow).where(SourceRow.document_id == document_id))
        self._delete(delete(JobRow).where(JobRow.document_id == document_id))
        self._delete(delete(RightPassageRow).where(RightPassageRow.document_id == document_id))
        self._delete(
            delete(WrittenQuestionRow).where(WrittenQuestionRow.document_id == document_id)
        )
        self._delete(delete(DocumentRow).where(DocumentRow.id == document_id))

    def _remove_contents(self, revision_id: int) -> None:
        """A part a transaction: together they may be larger than one takes."""
        for row in (BlobRow, RevisionTextRow):
            parts = select(row.part).where(row.revision_id == revision_id)
            while numbers := self._ids(parts):
                for number in numbers:
                    self._delete(
                        delete(row).where(row.revision_id == revision_id, row.part == number)
                    )
        self._delete(delete(RevisionRow).where(RevisionRow.id == revision_id))

    def _remove_base(self, base_id: int) -> None:
        for index_id in self._ids(select(IndexRow.id).where(IndexRow.knowledge_base_id == base_id)):
            self._remove_index(index_id)
        documents = select(DocumentRow.id).where(DocumentRow.knowledge_base_id == base_id)
        while document_ids := self._ids(documents):
            for document_id in document_ids:
                self._remove_document(document_id)
        self._delete(delete(JobRow).where(JobRow.knowledge_base_id == base_id))
        self._delete(delete(AddressRow).where(AddressRow.knowledge_base_id == base_id))
        self._delete(delete(QuestionRow).where(QuestionRow.knowledge_base_id == base_id))
        self._delete(delete(SavedSearchRow).where(SavedSearchRow.knowledge_base_id == base_id))
        evaluations = select(EvaluationRow.id).where(EvaluationRow.knowledge_base_id == base_id)
        while evaluation_ids := self._ids(evaluations):
            row = EvaluatedQuestionRow
            self._delete(delete(row).where(row.evaluation_id.in_(evaluation_ids)))
            self._delete(delete(EvaluationRow).where(EvaluationRow.id.in_(evaluation_ids)))
        self._remove_conversations(base_id)
        self._delete(delete(KnowledgeBaseRow).where(KnowledgeBaseRow.id == base_id))

    def _remove_conversations(self, base_id: int) -> None:
        """Where only its name was kept, those of its time: another may have the name by now."""
        own = select(CONVERSATIONS.c.id).where(CONVERSATIONS.c.knowledge_base_id == base_id)
        of_its_time = (
            select(CONVERSATIONS.c.id)
            .join(KnowledgeBaseRow, KnowledgeBaseRow.name == CONVERSATIONS.c.knowledge_base)
            .where(
                KnowledgeBaseRow.id == base_id,
                CONVERSATIONS.c.knowledge_base_id.is_(None),
                CONVERSATIONS.c.created_at >= KnowledgeBaseRow.created_at,
                CONVERSATIONS.c.created_at <= KnowledgeBaseRow.deleted_at,
            )
        )
        while ids := self._ids(own) or self._ids(of_its_time):
            while turns := self._ids(select(TURNS.c.id).where(TURNS.c.conversation_id.in_(ids))):
                for told in (CITATIONS, FEEDBACK):
                    self._delete(delete(told).where(told.c.turn_id.in_(turns)))
                self._delete(delete(TURNS).where(TURNS.c.id.in_(turns)))
            self._delete(delete(CONVERSATIONS).where(CONVERSATIONS.c.id.in_(ids)))

    def _remove_index(self, index_id: int) -> None:
        drop_index_tables(self.database, index_id)
        self._delete(delete(IndexedRevisionRow).where(IndexedRevisionRow.index_id == index_id))
        self._delete(delete(IndexRow).where(IndexRow.id == index_id))

    def _ids(self, statement: Select[int]) -> list[int]:
        return self.database.transaction(
            lambda session: list(session.scalars(statement.limit(AT_ONCE)))
        )

    def _delete(self, statement: Delete) -> None:
        def remove(session: Session) -> None:
            session.execute(statement.execution_options(synchronize_session=False))

        self.database.transaction(remove)
