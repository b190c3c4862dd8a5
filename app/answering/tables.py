"""The tables of this room: conversations, their turns, what the answers cite, and the model."""

from __future__ import annotations

from sqlalchemy import Index, Integer, String
from sqlalchemy.dialects.mysql import BIGINT, CHAR, LONGTEXT, TEXT, VARBINARY
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables import (
    FixedTable,
    Id,
    Moment,
    OptionalMoment,
    OptionalReference,
    Reference,
)


class ConversationRow(FixedTable):
    __tablename__ = "conversations"
    __table_args__ = (Index("ix_conversations_owner", "owner", "updated_at"),)

    id: Mapped[Id]
    owner: Mapped[str] = mapped_column(CHAR(64))
    """A hash of what the owner's browser or key shows: who has the table can't be the owner."""
    knowledge_base: Mapped[str] = mapped_column(String(64))
    knowledge_base_id: Mapped[OptionalReference]
    """NULL where a version without this column began the conversation."""
    title: Mapped[str] = mapped_column(String(200))
    share: Mapped[str | None] = mapped_column(CHAR(64), index=True)
    """A hash of the shared link's token."""
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    deleted_at: Mapped[OptionalMoment] = mapped_column(index=True)


class TurnRow(FixedTable):
    __tablename__ = "turns"

    id: Mapped[Id]
    conversation_id: Mapped[Reference] = mapped_column(index=True)
    parent_id: Mapped[OptionalReference]
    question: Mapped[str] = mapped_column(TEXT)
    standalone: Mapped[str] = mapped_column(TEXT)
    top_k: Mapped[int] = mapped_column(Integer)
    way: Mapped[str] = mapped_column(String(16), server_default="quick")
    """`quick` or `thorough`."""
    only: Mapped[str] = mapped_column(String(500), server_default="")
    """The conditions on what was read, as they were typed."""
    further: Mapped[str] = mapped_column(String(1000), server_default="[]")
    """The ids of the knowledge bases that were asked beside the conversation's own, as JSON."""
    kind: Mapped[str] = mapped_column(String(16), server_default="")
    """Of its answer; empty until that is whole."""
    documents: Mapped[str] = mapped_column(TEXT)
    state: Mapped[str] = mapped_column(String(16))
    said: Mapped[str] = mapped_column(LONGTEXT)
    supported: Mapped[int] = mapped_column(Integer)
    partly: Mapped[int] = mapped_column(Integer)
    unsupported: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[Moment]
    beat_at: Mapped[Moment]


class CitationRow(FixedTable):
    __tablename__ = "citations"

    turn_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    document_id: Mapped[Reference] = mapped_column(index=True)
    revision_id: Mapped[Reference]
    start: Mapped[Reference]
    end: Mapped[Reference]


class FeedbackRow(FixedTable):
    """A reader's opinion of an answer: the last one of whoever asked."""

    __tablename__ = "feedback"

    turn_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    good: Mapped[bool]
    reason: Mapped[str] = mapped_column(String(40))
    correction: Mapped[str] = mapped_column(TEXT)
    given_at: Mapped[Moment]


class ChosenModelRow(FixedTable):
    """The chat model that was chosen on its page; its key is encrypted."""

    __tablename__ = "chosen_model"

    id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    model: Mapped[str] = mapped_column(String(300))
    api_base: Mapped[str | None] = mapped_column(String(500))
    sealed_key: Mapped[bytes | None] = mapped_column(VARBINARY(2000))
    chosen_at: Mapped[Moment]
