"""The rows that say which indexes there are and which revisions each one holds."""

from __future__ import annotations

from sqlalchemy import Index, Integer, String
from sqlalchemy.dialects.mysql import BIGINT, CHAR, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables import FixedTable, Id, Moment, Reference


class IndexRow(FixedTable):
    __tablename__ = "indexes"

    id: Mapped[Id]
    knowledge_base_id: Mapped[Reference] = mapped_column(BIGINT, index=True)
    recipe: Mapped[str] = mapped_column(TEXT)
    fingerprint: Mapped[str] = mapped_column(CHAR(64))
    state: Mapped[str] = mapped_column(String(16))
    # Counts the changes of what is live, so that whatever is derived from that can be kept with it.
    version: Mapped[Reference] = mapped_column(BIGINT, server_default="0")
    created_at: Mapped[Moment]


class IndexedRevisionRow(FixedTable):
    """Whether the chunks of one revision in one index are `staged`, `live` or `leaving`.

    Only `live` ones are searched. The swap of a document's revisions changes two of these rows in
    the transaction that changes the document, so that a search, which reads one snapshot, sees the
    old revision or the new one. Few rows are ever not live: leaving them out of a search is cheap.
    """

    __tablename__ = "indexed_revisions"
    __table_args__ = (Index("ix_indexed_revisions_state", "index_id", "state"),)

    index_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    revision_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    document_id: Mapped[Reference] = mapped_column(BIGINT, index=True)
    state: Mapped[str] = mapped_column(String(16))
    chunks: Mapped[int] = mapped_column(Integer)
    terms: Mapped[int] = mapped_column(BIGINT, server_default="0")
    language: Mapped[str] = mapped_column(String(8), server_default="")
    changed_at: Mapped[Moment]
