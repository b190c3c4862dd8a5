"""Whether everything that is stored hangs together, and mending what does not.

TiDB's transactions keep it so. What could break it is a machine that loses power, for an embedded
server does not force its writes to the disk: a transaction may then be torn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.documents.tables import DocumentRow, RevisionRow
from app.indexes.chunk_table import CHUNKS_A_REVISION, chunk_ids_of, chunk_table_name
from app.indexes.chunks import remove_chunks
from app.indexes.index import BUILT, IndexState, Presence
from app.indexes.postings import postings_table_name
from app.indexes.signatures import signature_table_name
from app.ingestion.job import JobState
from app.ingestion.job_store import JobStore

ROWS_A_DELETE = 5_000
PENDING = ", ".join(f"'{s}'" for s in (JobState.READY, JobState.RUNNING, JobState.PAUSED))


@dataclass(frozen=True)
class Fault:
    """Something that does not hang together. `mend` is None where only a person can help."""

    what: str
    remedy: str
    mend: Callable[[], None] | None = None


@dataclass(frozen=True)
class Wholeness:
    """Each look is one snapshot, so that what is being ingested meanwhile is no fault."""

    database: Database
    jobs: JobStore

    def inspect(self) -> list[Fault]:
        """Everything that is not whole; empty when all is well."""
        faults = self._damaged_tables()
        faults += self._without_owner()
        faults += self._lost_originals()
        faults += self._forgotten_revisions()
        for index_id, state in self._indexes():
            faults += self._strays(index_id)
            faults += self._broken_revisions(index_id, mendable=state == IndexState.ACTIVE)
        return faults

    def _damaged_tables(self) -> list[Fault]:
        """Tables whose indexes and rows do not agree, as TiDB itself finds."""
        faults = []
        for (name,) in self._rows("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'", first=1):
            try:
                with self.database.engine.connect() as connection:
                    connection.execute(text(f"ADMIN CHECK TABLE `{name}`"))
            except DBAPIError as found:
                faults.append(
                    Fault(
                        f"TiDB finds the table {name} damaged: {found.orig}",
                        "Restore a backup, or write to TiDB's support.",
                    )
                )
        return faults

    def _without_owner(self) -> list[Fault]:
        """Parts of revisions, revisions and documents whose owner is not there."""
        faults = []
        for table, key, owner in (
            ("blobs", "revision_id", "revisions"),
            ("revision_texts", "revision_id", "revisions"),
            ("indexed_revisions", "revision_id", "revisions"),
            ("revisions", "document_id", "documents"),
            ("sources", "document_id", "documents"),
            ("document_labels", "document_id", "documents"),
            ("jobs", "document_id", "documents"),
            ("written_questions", "document_id", "documents"),
            ("documents", "knowledge_base_id", "knowledge_bases"),
            ("addresses", "knowledge_base_id", "knowledge_bases"),
        ):
            lost = f"{key} NOT IN (SELECT id FROM {owner})"  # noqa: S608 - names of ours
            (number,) = self._rows(f"SELECT COUNT(*) FROM {table} WHERE {lost}")[0]  # noqa: S608
            if number:
                statement = f"DELETE FROM {table} WHERE {lost} LIMIT {ROWS_A_DELETE}"  # noqa: S608
                faults.append(
                    Fault(
                        f"{number:,} rows of {table} belong to no row of {owner}.",
                        "They are of no use, and can go.",
                        lambda statement=statement: self._delete(statement),  # type: ignore[misc]
                    )
                )
        return faults

    def _lost_originals(self) -> list[Fault]:
        rows = self._rows(
            "SELECT d.name, r.number FROM revisions r JOIN documents d ON d.id = r.document_id "
            "LEFT JOIN (SELECT revision_id, SUM(LENGTH(data)) AS held FROM blobs "
            "GROUP BY revision_id) b ON b.revision_id = r.id "
            "WHERE d.deletion = 0 AND COALESCE(b.held, 0) <> r.size"
        )
        return [
            Fault(f"The original of {name!r}, revision {number}, is not whole.", "Upload it again.")
            for name, number in rows
        ]

    def _forgotten_revisions(self) -> list[Fault]:
        """What was acknowledged, and neither became current nor waits nor failed."""
        rows = self._rows(
            "SELECT r.id, d.name FROM revisions r JOIN documents d ON d.id = r.document_id "
            "JOIN knowledge_bases k ON k.id = d.knowledge_base_id AND k.deletion = 0 "
            "WHERE d.deletion = 0 AND r.number = (SELECT MAX(number) FROM revisions n "
            "WHERE n.document_id = d.id) AND (d.current_revision_id IS NULL "
            "OR d.current_revision_id <> r.id) AND NOT EXISTS (SELECT 1 FROM jobs j "
            "WHERE j.revision_id = r.id AND j.state <> 'succeeded')"
        )
        return [
            Fault(
                f"{name!r} was taken in, and nothing ingests it.",
                "It can be queued again.",
                lambda revision=revision: self._queue(revision),  # type: ignore[misc]
            )
            for revision, name in rows
        ]

    def _strays(self, index_id: int) -> list[Fault]:
        """Chunks that no revision of the index has, and what is left of chunks that are gone."""
        chunks = chunk_table_name(index_id)
        faults = []
        for (revision,) in self._rows(
            f"SELECT DISTINCT revision_id FROM {chunks} WHERE revision_id NOT IN "  # noqa: S608
            f"(SELECT revision_id FROM indexed_revisions WHERE index_id = {index_id})"
        ):
            faults.append(
                Fault(
                    f"Index {index_id} has chunks of revision {revision}, which is not in it.",
                    "They are never found, and can go.",
                    lambda r=revision: remove_chunks(self.database, index_id, r),  # type: ignore[misc]
                )
            )
        for table in (postings_table_name(index_id), signature_table_name(index_id)):
            stray = f"chunk_id NOT IN (SELECT id FROM {chunks})"  # noqa: S608
            (number,) = self._rows(f"SELECT COUNT(*) FROM {table} WHERE {stray}")[0]  # noqa: S608
            if number:
                statement = f"DELETE FROM {table} WHERE {stray} LIMIT {ROWS_A_DELETE}"  # noqa: S608
                faults.append(
                    Fault(
                        f"{number:,} rows of {table} are of chunks that are gone.",
                        "They are of no use, and can go.",
                        lambda statement=statement: self._delete(statement),  # type: ignore[misc]
                    )
                )
        return faults

    def _broken_revisions(self, index_id: int, *, mendable: bool) -> list[Fault]:
        """Revisions that are searched without all that was made of them, or not searched at all."""
        chunks, signatures = chunk_table_name(index_id), signature_table_name(index_id)
        postings = postings_table_name(index_id)
        rows = self._rows(
            "SELECT r.id, d.name FROM documents d "  # noqa: S608 - numbers and names of ours
            f"JOIN indexes i ON i.id = {index_id} AND i.knowledge_base_id = d.knowledge_base_id "
            "JOIN knowledge_bases k ON k.id = d.knowledge_base_id AND k.deletion = 0 "
            "LEFT JOIN revisions r ON r.id = d.current_revision_id "
            f"LEFT JOIN indexed_revisions x ON x.index_id = {index_id} AND x.revision_id = r.id "
            "LEFT JOIN (SELECT c.revision_id, COUNT(*) AS held, COUNT(s.chunk_id) AS signed "
            f"FROM {chunks} c LEFT JOIN {signatures} s ON s.chunk_id = c.id "
            "GROUP BY c.revision_id) h ON h.revision_id = r.id "
            f"LEFT JOIN (SELECT chunk_id DIV {CHUNKS_A_REVISION} AS revision_id, SUM(tf) AS terms "
            f"FROM {postings} GROUP BY 1) p ON p.revision_id = r.id "
            "WHERE d.deletion = 0 AND d.current_revision_id IS NOT NULL "
            f"AND NOT x.state <=> '{Presence.REFUSED}' "
            f"AND (x.state IS NULL OR x.state <> '{Presence.LIVE}' "
            "OR COALESCE(h.held, 0) <> x.chunks OR COALESCE(h.signed, 0) <> x.chunks "
            "OR COALESCE(p.terms, 0) <> x.terms) "
            "AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.revision_id = r.id "
            f"AND j.state IN ({PENDING}))"
        )
        return [
            Fault(
                f"{name!r} is not whole in index {index_id}.",
                "It can be ingested again." if mendable else "Drop the index, and build it again.",
                (lambda r=revision: self._ingest_again(index_id, r)) if mendable else None,  # type: ignore[misc]
            )
            for revision, name in rows
        ]

    def _ingest_again(self, index_id: int, revision_id: int) -> None:
        """From its stored text; until that is done, searches do without it."""
        self._delete(
            f"DELETE FROM indexed_revisions WHERE index_id = {index_id} "  # noqa: S608
            f"AND revision_id = {revision_id} LIMIT 1"
        )
        remove_chunks(self.database, index_id, revision_id)
        first, last = chunk_ids_of(revision_id)
        for table in (postings_table_name(index_id), signature_table_name(index_id)):
            self._delete(
                f"DELETE FROM {table} WHERE chunk_id >= {first} "  # noqa: S608
                f"AND chunk_id < {last} LIMIT {ROWS_A_DELETE}"
            )
        self._queue(revision_id)

    def _queue(self, revision_id: int) -> None:
        def add(session: Session) -> None:
            revision = session.get_one(RevisionRow, revision_id)
            self.jobs.add(session, session.get_one(DocumentRow, revision.document_id), revision)

        self.database.transaction(add)

    def _indexes(self) -> list[tuple[int, str]]:
        states = ", ".join(f"'{state}'" for state in (IndexState.ACTIVE, *sorted(BUILT)))
        rows = self._rows(f"SELECT id, state FROM indexes WHERE state IN ({states})")  # noqa: S608
        return [(int(index_id), str(state)) for index_id, state in rows]

    def _delete(self, statement: str) -> None:
        def some(session: Session) -> int:
            return int(session.connection().execute(text(statement)).rowcount)

        while self.database.transaction(some):
            pass

    def _rows(self, statement: str, first: int | None = None) -> list[tuple[Any, ...]]:
        def read(session: Session) -> list[tuple[Any, ...]]:
            return [tuple(row)[:first] for row in session.execute(text(statement))]

        return self.database.transaction(read)
