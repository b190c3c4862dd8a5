"""Where an ingest ends: the transaction that lets readers see a revision from now on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from sqlalchemy import case, select, update
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now
from app.documents.tables import DocumentRow, KnowledgeBaseRow, RevisionRow
from app.errors import TidemarkError
from app.indexes.chunks import remove_chunks
from app.indexes.index import BUILT, Contents, Index, IndexState, Presence
from app.indexes.refusals import note_refused, refused_revisions
from app.indexes.tables import IndexedRevisionRow, IndexRow
from app.ingestion.job import Job, JobStage, JobState
from app.ingestion.leases import Claim, held
from app.ingestion.tables import JobRow


class IndexSwitched(Exception):
    """Another index is active now, and lacks what was about to be published."""


@dataclass(frozen=True)
class Publication:
    database: Database

    def stage(self, index: Index, contents: Mapping[tuple[int, int], Contents]) -> None:
        """Announce revisions whose chunks will be written: none is found until published.

        `contents` is by (document id, revision id). What is left of one that was leaving, because
        its document was deleted and brought back, goes first; so does what there is of one that the
        index's model refused before.
        """
        self._try_again(index, [revision for _, revision in contents])
        for revision_id in self._leaving(index, [revision for _, revision in contents]):
            remove_chunks(self.database, index.id, revision_id, only=Presence.LEAVING)
            self.database.transaction(partial(_forget_leaving, key=(index.id, revision_id)))
        rows = [
            {
                "index_id": index.id,
                "revision_id": revision_id,
                "document_id": document_id,
                "state": Presence.STAGED,
                "chunks": held.chunks,
                "terms": held.terms,
                "language": held.language,
                "changed_at": now(),
            }
            for (document_id, revision_id), held in contents.items()
        ]
        statement = insert(IndexedRevisionRow)
        # A row that is there was staged by a worker that died, or is live already: left as it is.
        statement = statement.on_duplicate_key_update(revision_id=statement.inserted.revision_id)
        if rows:
            self.database.transaction(lambda session: session.execute(statement, rows) and None)

    def _try_again(self, index: Index, revision_ids: Sequence[int]) -> None:
        def let_go(session: Session) -> None:
            again = refused_revisions(session, index.id, revision_ids)
            _set_presence(session, index.id, set(again), Presence.LEAVING)

        self.database.transaction(let_go)

    def _leaving(self, index: Index, revision_ids: Sequence[int]) -> list[int]:
        def read(session: Session) -> list[int]:
            leaving = select(IndexedRevisionRow.revision_id).where(
                IndexedRevisionRow.index_id == index.id,
                IndexedRevisionRow.revision_id.in_(revision_ids),
                IndexedRevisionRow.state == Presence.LEAVING,
            )
            return list(session.scalars(leaving))

        return self.database.transaction(read)

    def refuse(self, index: Index, revision_id: int, error: TidemarkError) -> None:
        """Note that a staged revision, if it is a current one, cannot be had in the index."""
        self.database.transaction(lambda s: note_refused(s, index.id, revision_id, error))

    def publish(
        self,
        index: Index,
        claim: Claim,
        chunks: dict[Job, int],
        beside: Mapping[int, Collection[int]] = MappingProxyType({}),
    ) -> None:
        """Make each job's revision its document's current one, and end the job: all in one commit.

        `chunks` has how many chunks each revision has in `index`; `beside` the revisions that other
        indexes hold whole, by index id. An index that lacks one is `building` again, and is given
        it. Left out are jobs that the claim holds no longer. A revision that is older than the
        current one, or whose document was deleted, ends without being seen.

        Raises:
            IndexSwitched: another index was promoted meanwhile, which lacks some of the revisions.
        """

        def swap(session: Session) -> None:
            still = held(session, claim, chunks.keys())
            ended = [job for job in chunks if job.id in still]
            if not ended:
                return
            documents = _current_documents(session, ended)
            numbers = _revision_numbers(session, ended, documents)
            newer: dict[int, int] = {}
            for job in sorted(ended, key=lambda job: numbers.get(job.revision_id, 0)):
                document = documents.get(job.document_id)
                shown = newer.get(job.document_id) or (document and document.current_revision_id)
                if document and numbers[job.revision_id] >= numbers.get(shown or 0, 0):
                    newer[job.document_id] = job.revision_id
            replaced = [d.current_revision_id for d in documents.values() if d.id in newer]
            left = {revision_id for revision_id in replaced if revision_id}
            left |= {job.revision_id for job in ended}
            shown_now = set(newer.values())
            rows = _locked_indexes(session, index.knowledge_base_id)
            for row in rows:
                whole = (
                    shown_now
                    if row.id == index.id
                    else shown_now.intersection(beside.get(row.id, ()))
                )
                lacks = whole != shown_now
                if lacks and row.state == IndexState.ACTIVE:
                    raise IndexSwitched
                if row.state in BUILT and (lacks or refused_revisions(session, row.id, left)):
                    row.state = IndexState.BUILDING  # and it is given what it lacks, or judged anew
                row.version += 1
                _set_presence(session, row.id, whole, Presence.LIVE)
                _set_presence(session, row.id, left - shown_now, Presence.LEAVING)
            _set_current(session, newer)
            _end(session, {job.id: chunks[job] for job in ended})

        if chunks:
            self.database.transaction(swap)


def _forget_leaving(session: Session, key: tuple[int, int]) -> None:
    row = session.get(IndexedRevisionRow, key, with_for_update=True)
    if row is not None and row.state == Presence.LEAVING:
        session.delete(row)


def _current_documents(session: Session, jobs: Sequence[Job]) -> dict[int, DocumentRow]:
    """The jobs' documents that have not been deleted, locked, by id."""
    base = session.get(KnowledgeBaseRow, jobs[0].knowledge_base_id)
    if base is None or base.deletion:
        return {}
    rows = session.scalars(
        select(DocumentRow)
        .where(DocumentRow.id.in_({job.document_id for job in jobs}))  # by key alone
        .order_by(DocumentRow.id)
        .with_for_update()
    )
    return {row.id: row for row in rows if not row.deletion}


def _revision_numbers(
    session: Session, jobs: Sequence[Job], documents: dict[int, DocumentRow]
) -> dict[int, int]:
    wanted = {job.revision_id for job in jobs}
    wanted |= {d.current_revision_id for d in documents.values() if d.current_revision_id}
    rows = session.execute(
        select(RevisionRow.id, RevisionRow.number)
        .where(RevisionRow.id.in_(wanted))
        .with_for_update()  # the newest state: another worker may have swapped since the snapshot
    )
    return dict(rows.all())


def _locked_indexes(session: Session, knowledge_base_id: int) -> list[IndexRow]:
    # The knowledge base's row first, by its key: whoever begins or promotes an index locks it too,
    # so that none is missed (see `Database.transaction`).
    session.get(KnowledgeBaseRow, knowledge_base_id, with_for_update=True)
    rows = session.scalars(
        select(IndexRow)
        .where(
            IndexRow.knowledge_base_id == knowledge_base_id, IndexRow.state != IndexState.DROPPED
        )
        .order_by(IndexRow.id)
        .with_for_update()
    )
    return list(rows)


def _set_presence(
    session: Session, index_id: int, revision_ids: set[int], presence: Presence
) -> None:
    if revision_ids:
        session.execute(
            update(IndexedRevisionRow)
            .where(
                IndexedRevisionRow.index_id == index_id,
                IndexedRevisionRow.revision_id.in_(revision_ids),
            )
            .values(state=presence, changed_at=now())
            .execution_options(synchronize_session=False)
        )


def _set_current(session: Session, newer: dict[int, int]) -> None:
    if newer:
        session.execute(
            update(DocumentRow)
            .where(DocumentRow.id.in_(newer))
            .values(current_revision_id=case(newer, value=DocumentRow.id), updated_at=now())
            .execution_options(synchronize_session=False)
        )


def _end(session: Session, chunks: dict[int, int]) -> None:
    session.execute(
        update(JobRow)
        .where(JobRow.id.in_(chunks))
        .values(
            state=JobState.SUCCEEDED,
            stage=JobStage.DONE,
            done=case(chunks, value=JobRow.id),
            total=case(chunks, value=JobRow.id),
            owner=None,
            lease_until=None,
            error=None,
            remedy=None,
            updated_at=now(),
        )
        .execution_options(synchronize_session=False)
    )
