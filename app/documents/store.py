"""The store of documents and their revisions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.access.rights import EVERYTHING, Sight
from app.database.connection import Database
from app.database.tables import with_zone
from app.documents.contents import blob_part, load_sections, read_text
from app.documents.labels import Labels, read_labels, write_labels
from app.documents.listing import ListedDocument, Listing, listed, named
from app.documents.model import Document, ParsedText, Revision, Section
from app.documents.tables import DocumentRow, KnowledgeBaseRow, RevisionRow
from app.errors import DocumentNotFound, RevisionNotFound


@dataclass(frozen=True)
class DocumentFacts:
    """What documents are sorted by into groups."""

    document_id: int
    knowledge_base_id: int
    name: str
    media_type: str
    labels: Labels


@dataclass(frozen=True)
class DocumentStore:
    """The documents in the knowledge bases of `sight`: others are not there."""

    database: Database
    sight: Sight = EVERYTHING

    def get(self, document_id: int) -> Document:
        """The document of that id.

        Raises:
            DocumentNotFound: there is none, or it or its knowledge base was deleted.
        """

        def read(session: Session) -> Document:
            return _document(_present(session, document_id, self.sight))

        return self.database.transaction(read)

    def by_name(self, knowledge_base_id: int, name: str) -> Document:
        def read(session: Session) -> Document:
            row = session.scalar(_in(knowledge_base_id).where(DocumentRow.name == name))
            if row is None:
                raise DocumentNotFound(f"There is no document named {name[:80]!r}.")
            return _document(row)

        return self.database.transaction(read)

    def list(
        self, knowledge_base_id: int, *, offset: int = 0, limit: int = 100
    ) -> tuple[tuple[Document, Revision | None], ...]:
        """Documents by name, each with its current revision: None before its first ingest ended."""

        def read(session: Session) -> tuple[tuple[Document, Revision | None], ...]:
            rows = session.execute(
                select(DocumentRow, RevisionRow)
                .outerjoin(RevisionRow, RevisionRow.id == DocumentRow.current_revision_id)
                .where(
                    DocumentRow.knowledge_base_id == knowledge_base_id, DocumentRow.deletion == 0
                )
                .order_by(DocumentRow.name)
                .offset(offset)
                .limit(limit)
            )
            return tuple(
                (_document(document), _revision(revision) if revision else None)
                for document, revision in rows
            )

        return self.database.transaction(read)

    def after(
        self, knowledge_base_id: int, document_id: int, limit: int
    ) -> tuple[tuple[Document, Revision], ...]:
        """The readable documents that come after `document_id`, by id, each with its revision.

        So pages of them neither skip nor repeat one, whatever comes and goes between two.
        """

        def read(session: Session) -> tuple[tuple[Document, Revision], ...]:
            rows = session.execute(
                select(DocumentRow, RevisionRow)
                .join(RevisionRow, RevisionRow.id == DocumentRow.current_revision_id)
                .where(named(knowledge_base_id, ""), DocumentRow.id > document_id)
                .order_by(DocumentRow.id)
                .limit(limit)
            )
            return tuple((_document(document), _revision(revision)) for document, revision in rows)

        return self.database.transaction(read)

    def with_text(self, knowledge_base_id: int) -> tuple[tuple[int, str], ...]:
        """Ids and names of the documents that have some text, by id."""

        def read(session: Session) -> tuple[tuple[int, str], ...]:
            rows = session.execute(
                select(DocumentRow.id, DocumentRow.name)
                .join(RevisionRow, RevisionRow.id == DocumentRow.current_revision_id)
                .where(named(knowledge_base_id, ""), RevisionRow.characters > 0)
                .order_by(DocumentRow.id)
            )
            return tuple((document_id, name) for document_id, name in rows)

        return self.database.transaction(read)

    def listing(self, knowledge_base_id: int, listing: Listing) -> tuple[ListedDocument, ...]:
        """The documents that `listing` asks for, in its order."""

        def read(session: Session) -> tuple[ListedDocument, ...]:
            return tuple(
                ListedDocument(_document(document), _revision(revision) if revision else None)
                for document, revision in session.execute(listed(knowledge_base_id, listing))
            )

        return self.database.transaction(read)

    def count(self, knowledge_base_id: int, name_contains: str = "") -> int:
        """How many documents there are, ingested or not, with these characters in their name."""

        def read(session: Session) -> int:
            wanted = named(knowledge_base_id, name_contains)
            return session.scalar(select(func.count()).select_from(DocumentRow).where(wanted)) or 0

        return self.database.transaction(read)

    def newest_hashes(self, knowledge_base_id: int) -> dict[str, tuple[int, str]]:
        """Of each document by its name: its id, and the SHA-256 of its newest revision's bytes."""

        def read(session: Session) -> dict[str, tuple[int, str]]:
            newest = (
                select(RevisionRow.document_id, func.max(RevisionRow.number).label("number"))
                .join(DocumentRow, DocumentRow.id == RevisionRow.document_id)
                .where(named(knowledge_base_id, ""))
                .group_by(RevisionRow.document_id)
                .subquery()
            )
            rows = session.execute(
                select(DocumentRow.name, DocumentRow.id, RevisionRow.content_hash)
                .join(newest, newest.c.document_id == DocumentRow.id)
                .join(
                    RevisionRow,
                    (RevisionRow.document_id == DocumentRow.id)
                    & (RevisionRow.number == newest.c.number),
                )
                .where(named(knowledge_base_id, ""))
            )
            return {name: (document_id, digest) for name, document_id, digest in rows}

        return self.database.transaction(read)

    def require(self, knowledge_base_ids: Sequence[int], document_ids: Sequence[int]) -> None:
        """Refuse unless each of `document_ids` is there, in one of those knowledge bases.

        Raises:
            DocumentNotFound: names the first that is not.
        """

        def read(session: Session) -> set[int]:
            wanted = select(DocumentRow.id).where(
                DocumentRow.id.in_(document_ids),
                DocumentRow.knowledge_base_id.in_(knowledge_base_ids),
                DocumentRow.deletion == 0,
            )
            return set(session.scalars(wanted))

        found = self.database.transaction(read) if document_ids else set()
        for document_id in document_ids:
            if document_id not in found:
                where = "it" if len(knowledge_base_ids) == 1 else "them"
                raise DocumentNotFound(f"There is no document {document_id} in {where}.")

    def facts(self, revision_ids: Collection[int]) -> dict[int, DocumentFacts]:
        """What is known of the documents of those revisions, by the revision's id."""
        statement = (
            select(
                RevisionRow.id,
                DocumentRow.id,
                DocumentRow.knowledge_base_id,
                DocumentRow.name,
                RevisionRow.media_type,
            )
            .join(DocumentRow, DocumentRow.id == RevisionRow.document_id)
            .where(RevisionRow.id.in_(set(revision_ids)))
        )

        none = Labels()

        def read(session: Session) -> dict[int, DocumentFacts]:
            rows = session.execute(statement).all()
            labels = read_labels(session, {row[1] for row in rows})
            return {
                revision_id: DocumentFacts(
                    document_id, base_id, name, kind, labels.get(document_id, none)
                )
                for revision_id, document_id, base_id, name, kind in rows
            }

        return self.database.transaction(read) if revision_ids else {}

    def labels(self, document_ids: Collection[int]) -> dict[int, Labels]:
        """The tags and metadata of each of those documents."""

        def read(session: Session) -> dict[int, Labels]:
            found = read_labels(session, document_ids)
            return {each: found.get(each, Labels()) for each in document_ids}

        return self.database.transaction(read) if document_ids else {}

    def set_labels(self, document_id: int, labels: Labels) -> None:
        """Let these be the document's tags and metadata, in place of those that it has.

        Raises:
            DocumentNotFound: as `get`.
        """

        def write(session: Session) -> None:
            _present(session, document_id, self.sight)
            document = session.get(DocumentRow, document_id, with_for_update=True)
            if document is None or document.deletion:
                raise DocumentNotFound(f"There is no document {document_id}.")
            write_labels(session, document, labels)

        self.database.transaction(write)

    def revision(self, document_id: int, revision_id: int | None = None) -> Revision:
        """A revision of the document that can be read: the current one unless another is named.

        Raises:
            DocumentNotFound: as `get`.
            RevisionNotFound: the document has no such revision, or it has not been parsed.
        """

        def read(session: Session) -> Revision:
            return _revision(_readable(session, document_id, revision_id, self.sight))

        return self.database.transaction(read)

    def text(self, document_id: int, revision_id: int | None = None) -> tuple[Revision, ParsedText]:
        """A revision with its whole text and sections; see `revision` for what it raises."""

        def read(session: Session) -> tuple[Revision, ParsedText]:
            row = _readable(session, document_id, revision_id, self.sight)
            sections = load_sections(row.section_map or "[]")
            return _revision(row), ParsedText(read_text(session, row.id), sections, row.title)

        return self.database.transaction(read)

    def outline(
        self, document_id: int, revision_id: int | None = None
    ) -> tuple[Revision, tuple[Section, ...]]:
        """A revision with its sections, without its text; see `revision` for what it raises."""

        def read(session: Session) -> tuple[Revision, tuple[Section, ...]]:
            row = _readable(session, document_id, revision_id, self.sight)
            return _revision(row), load_sections(row.section_map or "[]")

        return self.database.transaction(read)

    def stretch(self, revision: Revision, start: int, end: int) -> str:
        """Characters `[start, end)` of a revision's text: of a long one, only what is shown."""
        return self.database.transaction(lambda s: read_text(s, revision.id, start, end))

    def characters(self, revision_id: int, start: int, end: int) -> str:
        """The same, of a revision of which only the id is known."""
        return self.database.transaction(lambda s: read_text(s, revision_id, start, end))

    def original(self, revision: Revision) -> Iterator[bytes]:
        """The bytes that were uploaded, part by part; each part is read in its own transaction.

        Raises:
            RevisionNotFound: the document was deleted, and cleared, meanwhile.
        """
        read = 0
        for part in count():
            if read >= revision.size:
                return
            data = self.database.transaction(partial(blob_part, revision_id=revision.id, part=part))
            if data is None:
                raise RevisionNotFound("The document was deleted while it was being read.")
            read += len(data)
            yield data

    def revisions(self, document_id: int) -> tuple[Revision, ...]:
        """The document's revisions that can be read, newest first."""

        def read(session: Session) -> tuple[Revision, ...]:
            _present(session, document_id, self.sight)
            rows = session.scalars(
                select(RevisionRow)
                .where(RevisionRow.document_id == document_id, RevisionRow.text_parts.is_not(None))
                .order_by(RevisionRow.number.desc())
            )
            return tuple(_revision(row) for row in rows)

        return self.database.transaction(read)


def _in(knowledge_base_id: int) -> Select[DocumentRow]:
    return select(DocumentRow).where(named(knowledge_base_id, ""))


def _present(session: Session, document_id: int, sight: Sight) -> DocumentRow:
    row = session.scalar(
        select(DocumentRow)
        .join(KnowledgeBaseRow, KnowledgeBaseRow.id == DocumentRow.knowledge_base_id)
        .where(
            DocumentRow.id == document_id,
            DocumentRow.deletion == 0,
            KnowledgeBaseRow.deletion == 0,
        )
    )
    missing = DocumentNotFound(f"There is no document {document_id}.")
    if row is None:
        raise missing
    sight.check(row.knowledge_base_id, missing)
    return row


def _readable(
    session: Session, document_id: int, revision_id: int | None, sight: Sight
) -> RevisionRow:
    document = _present(session, document_id, sight)
    wanted = document.current_revision_id if revision_id is None else revision_id
    if wanted is None:
        raise RevisionNotFound(f"{document.name!r} has not been ingested yet.")
    row = session.get(RevisionRow, wanted)
    if row is None or row.document_id != document_id or row.text_parts is None:
        raise RevisionNotFound(f"{document.name!r} has no revision {wanted} that can be read.")
    return row


def _document(row: DocumentRow) -> Document:
    return Document(
        row.id,
        row.knowledge_base_id,
        row.name,
        row.current_revision_id,
        with_zone(row.created_at),
        with_zone(row.updated_at),
    )


def _revision(row: RevisionRow) -> Revision:
    return Revision(
        row.id,
        row.document_id,
        row.number,
        row.content_hash,
        row.size,
        row.media_type,
        with_zone(row.created_at),
        row.title,
        row.parser,
        row.characters,
    )
