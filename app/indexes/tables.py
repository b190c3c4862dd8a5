"""The rows that say which indexes there are and which revisions each one holds."""

from __future__ import annotations

from sqlalchemy import Index, Integer, String
from sqlalchemy.dialects.mysql import BIGINT, CHAR, DOUBLE, LONGTEXT, TEXT
from sqlalchemy.orm import Mapped, deferred, mapped_column

from app.database.tables import FixedTable, Id, Moment, OptionalMoment, Reference


class IndexRow(FixedTable):
    """An index. Whoever changes what is live in a knowledge base counts up all its `version`s.

    `owner` and `lease_until` are the lease of the worker that builds it; `error` and `remedy` say
    why the build waits until `not_before`, or has ended. `embedded` and `reused` count chunks,
    `tokens` those that were sent to the model, `seconds` the time that the build took so far.
    `retired_at` is set once it was active and no longer is.
    """

    __tablename__ = "indexes"

    id: Mapped[Id]
    knowledge_base_id: Mapped[Reference] = mapped_column(BIGINT, index=True)
    recipe: Mapped[str] = mapped_column(TEXT)
    fingerprint: Mapped[str] = mapped_column(CHAR(64))
    state: Mapped[str] = mapped_column(String(16))
    # Counts the changes of what is live, so that whatever is derived from that can be kept with it.
    version: Mapped[Reference] = mapped_column(BIGINT, server_default="0")
    created_at: Mapped[Moment]
    owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[OptionalMoment]
    not_before: Mapped[OptionalMoment]
    error: Mapped[str | None] = mapped_column(TEXT)
    remedy: Mapped[str | None] = mapped_column(TEXT)
    embedded: Mapped[Reference] = mapped_column(BIGINT, server_default="0")
    reused: Mapped[Reference] = mapped_column(BIGINT, server_default="0")
    tokens: Mapped[Reference] = mapped_column(BIGINT, server_default="0")
    seconds: Mapped[float] = mapped_column(DOUBLE(asdecimal=False), server_default="0")
    built_at: Mapped[OptionalMoment]
    retired_at: Mapped[OptionalMoment]
    dropped_at: Mapped[OptionalMoment]
    # Promote it once it is ready, if it is not worse than the active one by more than this.
    promote_margin: Mapped[float | None] = mapped_column(DOUBLE(asdecimal=False))
    comparison: Mapped[str | None] = deferred(mapped_column(LONGTEXT))


class IndexedRevisionRow(FixedTable):
    """Whether one revision's chunks in one index are `staged`, `live`, `leaving` or `refused`.

    `error` and `remedy` say why the index's model refused it. Only `live` ones are searched. The
    swap of a document's revisions changes two of these rows in the transaction that changes the
    document, so that a search, which reads one snapshot, sees the old revision or the new one. Few
    rows are ever not live: leaving them out of a search is cheap.
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
    error: Mapped[str | None] = mapped_column(TEXT)
    remedy: Mapped[str | None] = mapped_column(TEXT)
