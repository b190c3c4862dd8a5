"""The rows of knowledge bases, documents and revisions. They don't leave this room's stores."""

from __future__ import annotations

from sqlalchemy import Index, Integer, String, UniqueConstraint
from sqlalchemy.dialects.mysql import BIGINT, CHAR, LONGBLOB, LONGTEXT, MEDIUMTEXT, VARCHAR
from sqlalchemy.orm import Mapped, deferred, mapped_column

from app.database.tables import (
    FixedTable,
    Id,
    Moment,
    OptionalMoment,
    OptionalReference,
    Reference,
)


class KnowledgeBaseRow(FixedTable):
    __tablename__ = "knowledge_bases"
    __table_args__ = (UniqueConstraint("name", "deletion", name="uq_knowledge_bases_name"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(64))
    # 0, or the row's own id once it is deleted: so the name is free at once, and is still known.
    deletion: Mapped[Reference]
    active_index_id: Mapped[OptionalReference]
    paused_at: Mapped[OptionalMoment]  # nothing of it is ingested until it is resumed
    created_at: Mapped[Moment]
    deleted_at: Mapped[OptionalMoment] = mapped_column(index=True)
    synonyms: Mapped[str | None] = mapped_column(MEDIUMTEXT)  # JSON: a list of groups


class DocumentRow(FixedTable):
    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("knowledge_base_id", "name", "deletion", name="uq_documents_name"),
    )

    id: Mapped[Id]
    knowledge_base_id: Mapped[Reference]
    # By its bytes, whatever collation the database was made with: A.md is not a.md.
    name: Mapped[str] = mapped_column(VARCHAR(500, charset="utf8mb4", collation="utf8mb4_bin"))
    deletion: Mapped[Reference]  # as in `knowledge_bases`
    current_revision_id: Mapped[OptionalReference]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    deleted_at: Mapped[OptionalMoment] = mapped_column(index=True)


class RevisionRow(FixedTable):
    """A revision. `text_parts` is NULL until it is parsed; its text lies in `revision_texts`."""

    __tablename__ = "revisions"
    __table_args__ = (UniqueConstraint("document_id", "number", name="uq_revisions_number"),)

    id: Mapped[Id]
    document_id: Mapped[Reference]
    number: Mapped[int] = mapped_column(Integer)
    content_hash: Mapped[str] = mapped_column(CHAR(64))
    size: Mapped[Reference]
    media_type: Mapped[str] = mapped_column(String(100))
    parser: Mapped[str | None] = mapped_column(String(100))
    title: Mapped[str | None] = mapped_column(String(500))
    characters: Mapped[OptionalReference]
    text_parts: Mapped[int | None] = mapped_column(Integer)
    section_map: Mapped[str | None] = deferred(mapped_column(LONGTEXT))
    created_at: Mapped[Moment]


class LabelRow(FixedTable):
    """A tag of a document, whose name is empty, or a value by its name."""

    __tablename__ = "document_labels"
    __table_args__ = (Index("ix_document_labels_value", "name", "value"),)

    document_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(200), primary_key=True)


class SourceRow(FixedTable):
    """The address that a document was fetched from, and what the site said of it then.

    `content_hash` is of the bytes that `etag` and `last_modified` belong to.
    """

    __tablename__ = "sources"

    document_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    url: Mapped[str] = mapped_column(VARCHAR(2000, charset="utf8mb4", collation="utf8mb4_bin"))
    url_hash: Mapped[str] = mapped_column(CHAR(64), index=True)
    etag: Mapped[str | None] = mapped_column(String(500))
    last_modified: Mapped[str | None] = mapped_column(String(500))
    content_hash: Mapped[str] = mapped_column(CHAR(64))
    fetched_at: Mapped[Moment]


class BlobRow(FixedTable):
    """One part, under 4 MiB, of a revision's original bytes: a TiDB row may not exceed 6 MiB."""

    __tablename__ = "blobs"

    revision_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    part: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LONGBLOB)


class RevisionTextRow(FixedTable):
    """One part of a revision's text; every part but the last has `TEXT_PART` characters."""

    __tablename__ = "revision_texts"

    revision_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    part: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(LONGTEXT)
