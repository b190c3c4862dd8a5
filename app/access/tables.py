"""The rows of users, sessions, API keys and their limits. They don't leave this room's stores."""

from __future__ import annotations

from sqlalchemy import Boolean, Double, Index, Integer, SmallInteger, String, UniqueConstraint
from sqlalchemy.dialects.mysql import BIGINT, CHAR, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables import (
    FixedTable,
    Id,
    Moment,
    OptionalMoment,
    OptionalReference,
    Reference,
)


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


class UserRow(FixedTable):
    """Somebody who signs in; `subject` is who they are to an OpenID provider."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("name", name="uq_users_name"),
        UniqueConstraint("subject", name="uq_users_subject"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(String(255))
    administrator: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[Moment]
    disabled_at: Mapped[OptionalMoment]


class GrantRow(FixedTable):
    """The role of a user in a knowledge base."""

    __tablename__ = "grants"

    user_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    knowledge_base_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    role: Mapped[int] = mapped_column(SmallInteger)


class SessionRow(FixedTable):
    """A browser that has signed in; of its token only the SHA-256."""

    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(CHAR(64), primary_key=True)
    user_id: Mapped[Reference] = mapped_column(index=True)
    created_at: Mapped[Moment]
    seen_at: Mapped[Moment]
    expires_at: Mapped[Moment] = mapped_column(index=True)


class WelcomeRow(FixedTable):
    """A link for the first administrator; of its token only the SHA-256."""

    __tablename__ = "welcomes"

    token_hash: Mapped[str] = mapped_column(CHAR(64), primary_key=True)
    expires_at: Mapped[Moment]


class SignInFailureRow(FixedTable):
    """A password that was wrong, or is being tried.

    `account` and `address` are hashed, for anybody may type them.
    """

    __tablename__ = "sign_in_failures"
    __table_args__ = (
        Index("ix_sign_in_failures_account", "account", "at"),
        Index("ix_sign_in_failures_address", "address", "at"),
    )

    id: Mapped[Id]
    account: Mapped[str] = mapped_column(CHAR(64))
    address: Mapped[str] = mapped_column(CHAR(64))
    at: Mapped[Moment]


class AuditRow(FixedTable):
    """Something that somebody did; never changed."""

    __tablename__ = "audit"

    id: Mapped[Id]
    at: Mapped[Moment]
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(100))
    subject: Mapped[str] = mapped_column(String(600))
    address: Mapped[str] = mapped_column(String(64))
