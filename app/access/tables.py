"""The rows of API keys and of their limits. They don't leave this room's stores."""

from __future__ import annotations

from sqlalchemy import Double, Integer, String, UniqueConstraint
from sqlalchemy.dialects.mysql import CHAR, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables import FixedTable, Id, Moment, OptionalMoment, OptionalReference


class ApiKeyRow(FixedTable):
    """A key; of its secret only the SHA-256, which suffices for what is random anyway."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("secret_hash", name="uq_api_keys_secret_hash"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(100))
    secret_hash: Mapped[str] = mapped_column(CHAR(64))
    hint: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[OptionalReference] = mapped_column(index=True)
    scopes: Mapped[str] = mapped_column(String(100))
    # The ids as JSON; NULL: every knowledge base. Read with the key in one look, on each request.
    knowledge_bases: Mapped[str | None] = mapped_column(TEXT)
    requests_per_minute: Mapped[int | None] = mapped_column(Integer)
    tokens_per_minute: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[Moment]
    expires_at: Mapped[OptionalMoment]
    last_used_at: Mapped[OptionalMoment]
    revoked_at: Mapped[OptionalMoment]


class RateLimitRow(FixedTable):
    """What is left in a minute's bucket; `holder` names a key, or the workspace."""

    __tablename__ = "rate_limits"

    holder: Mapped[str] = mapped_column(String(64), primary_key=True)
    requests: Mapped[float] = mapped_column(Double)
    tokens: Mapped[float] = mapped_column(Double)
    refilled_at: Mapped[Moment]
