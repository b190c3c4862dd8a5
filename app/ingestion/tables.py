"""The row of a job: one durable piece of background work."""

from __future__ import annotations

from sqlalchemy import Index, Integer, String
from sqlalchemy.dialects.mysql import TEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables import FixedTable, Id, Moment, OptionalMoment, OptionalReference, Reference


class JobRow(FixedTable):
    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_state", "state", "not_before"),
        Index("ix_jobs_updated_at", "knowledge_base_id", "updated_at"),
        Index("ix_jobs_document_id", "document_id"),
        Index("ix_jobs_owner", "owner"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(16))
    knowledge_base_id: Mapped[Reference]
    document_id: Mapped[Reference]
    revision_id: Mapped[OptionalReference]
    document_name: Mapped[str] = mapped_column(String(500))
    size: Mapped[Reference]
    state: Mapped[str] = mapped_column(String(16))
    stage: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer)
    done: Mapped[int] = mapped_column(Integer)
    total: Mapped[int] = mapped_column(Integer)
    owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[OptionalMoment]
    # When the present attempt began, and how many chunks were stored before it: so its pace.
    started_at: Mapped[OptionalMoment]
    done_before: Mapped[int] = mapped_column(Integer, server_default="0")
    not_before: Mapped[Moment]
    error: Mapped[str | None] = mapped_column(TEXT)
    remedy: Mapped[str | None] = mapped_column(TEXT)
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
