"""The rows of searches that were saved."""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.dialects.mysql import TEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables import FixedTable, Id, Moment, Reference


class SavedSearchRow(FixedTable):
    __tablename__ = "saved_searches"
    __table_args__ = (Index("ix_saved_searches_knowledge_base_id", "knowledge_base_id"),)

    id: Mapped[Id]
    knowledge_base_id: Mapped[Reference]
    name: Mapped[str] = mapped_column(String(200))
    parameters: Mapped[str] = mapped_column(TEXT)
    created_at: Mapped[Moment]
