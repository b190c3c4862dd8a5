"""API keys: made and shown once, kept as a hash, asked for on every request."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.orm import Session

from app.access.digest import digest
from app.access.rights import Scope
from app.access.tables import ApiKeyRow
from app.database.connection import Database
from app.database.tables import now, with_zone
from app.errors import InvalidRequest, KeyNotFound

PREFIX = "tm-"
HINT = len(PREFIX) + 4  # characters of a secret that are kept, to tell keys apart by
SECRET_BYTES = 32
USE_NOTED_EVERY = timedelta(minutes=1)
LONGEST_NAME = 100  # characters
LARGEST_LIMIT = 2**31 - 1

# Of the table, not of the class: the objects of a session are dearer.
_OF_SECRET = select(ApiKeyRow.__table__).where(ApiKeyRow.secret_hash == bindparam("secret_hash"))
_ANY = select(ApiKeyRow.id).limit(1)


@dataclass(frozen=True)
class KeyLimits:
    """The most in a minute; None: no limit."""

    requests: int | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class NewKey:
    """A key as it is asked for; `knowledge_bases` are ids, and None stands for every one."""

    name: str
    scopes: frozenset[Scope]
    knowledge_bases: frozenset[int] | None = None
    user_id: int | None = None
    """Whose rights bound the key's; None for a program's, bounded by what is said here alone."""
    expires_at: datetime | None = None
    limits: KeyLimits = KeyLimits()


@dataclass(frozen=True)
class ApiKey:
    """A key without its secret, of which `hint` has the first characters."""

    id: int
    name: str
    hint: str
    user_id: int | None
    scopes: frozenset[Scope]
    knowledge_bases: frozenset[int] | None
    limits: KeyLimits
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """Within a minute."""
    revoked_at: datetime | None

    @property
    def state(self) -> Literal["valid", "revoked", "expired"]:
        """Whether it may be used now."""
        if self.revoked_at is not None:
            return "revoked"
        ended = self.expires_at is not None and self.expires_at <= datetime.now(UTC)
        return "expired" if ended else "valid"


@dataclass(frozen=True)
class KeyStore:
    database: Database

    def create(self, asked: NewKey) -> tuple[ApiKey, str]:
        """Make a key, and give it with its secret, which nobody can be told again.

        Raises:
            InvalidRequest: no name, no scope, a limit below 1, or a moment that is past.
        """
        _check(asked)
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        bases = asked.knowledge_bases

        def insert(session: Session) -> ApiKey:
            row = ApiKeyRow(
                name=asked.name.strip(),
                secret_hash=digest(secret),
                hint=secret[:HINT],
                user_id=asked.user_id,
                scopes=" ".join(sorted(asked.scopes)),
                knowledge_bases=None if bases is None else json.dumps(sorted(bases)),
                requests_per_minute=asked.limits.requests,
                tokens_per_minute=asked.limits.tokens,
                created_at=now(),
                expires_at=_stored(asked.expires_at),
                last_used_at=None,
                revoked_at=None,
            )
            session.add(row)
            session.flush()
            return _key(row)

        return self.database.transaction(insert), secret

    def list(self) -> tuple[ApiKey, ...]:
        """Every key, revoked ones included, newest first."""

        def read(session: Session) -> tuple[ApiKey, ...]:
            return tuple(
                map(_key, session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.id.desc())))
            )

        return self.database.transaction(read)

    def get(self, key_id: int) -> ApiKey:
        def read(session: Session) -> ApiKey:
            row = session.get(ApiKeyRow, key_id)
            if row is None:
                raise KeyNotFound(f"There is no API key {key_id}.")
            return _key(row)

        return self.database.transaction(read)

    def revoke(self, key_id: int) -> ApiKey:
        """End a key: the next request with it is refused, in every process. Again is harmless."""

        def end(session: Session) -> ApiKey:
            row = session.get(ApiKeyRow, key_id, with_for_update=True)
            if row is None:
                raise KeyNotFound(f"There is no API key {key_id}.")
            row.revoked_at = row.revoked_at or now()
            return _key(row)

        return self.database.transaction(end)

    def found(self, secret: str) -> ApiKey | None:
        """The key that has this secret and may be used now; its use is noted."""

        if not secret.startswith(PREFIX):
            return None
        rows = self.database.read(_OF_SECRET, secret_hash=digest(secret))
        key = _key(rows[0]) if rows else None
        if key is None or key.state != "valid":
            return None
        used, moment = key.last_used_at, now()
        if used is None or with_zone(moment) - used > USE_NOTED_EVERY:
            noted = update(ApiKeyRow).where(ApiKeyRow.id == key.id).values(last_used_at=moment)
            self.database.transaction(lambda session: session.execute(noted) and None)
        return key

    def any_made(self) -> bool:
        """Whether there has ever been a key: from the first one on, a key is asked for."""
        return bool(self.database.read(_ANY))


def scopes_of(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes of these names.

    Raises:
        InvalidRequest: one is no scope; the remedy names those that are.
    """
    found = set()
    for name in names:
        try:
            found.add(Scope(name))
        except ValueError:
            raise InvalidRequest(
                f"{name[:40]!r} is no scope.", remedy=f"Scopes are {', '.join(Scope)}."
            ) from None
    return frozenset(found)


def masked(secret: str) -> str:
    """A secret as it may be told to whoever sent it: never enough to guess the rest from."""
    return f"{secret[:HINT]}…" if len(secret) > 3 * HINT else "…"


def _check(asked: NewKey) -> None:
    if not asked.name.strip() or len(asked.name) > LONGEST_NAME:
        raise InvalidRequest(
            f"A key's name has 1 to {LONGEST_NAME} characters.", remedy="Say what it is for."
        )
    if not asked.scopes:
        raise InvalidRequest("The key has no scope.", remedy=f"Choose of {', '.join(Scope)}.")
    for limit in (asked.limits.requests, asked.limits.tokens):
        if limit is not None and not 1 <= limit <= LARGEST_LIMIT:
            raise InvalidRequest(
                f"A limit of {limit} a minute cannot be.", remedy="Leave it out, or give 1 or more."
            )
    expires = _stored(asked.expires_at)
    if expires is not None and expires <= now():
        raise InvalidRequest("The key would have expired already.", remedy="Name a later day.")


def _stored(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def _key(row: ApiKeyRow | Row[Any]) -> ApiKey:
    bases = None if row.knowledge_bases is None else frozenset(json.loads(row.knowledge_bases))
    return ApiKey(
        id=row.id,
        name=row.name,
        hint=row.hint,
        user_id=row.user_id,
        scopes=frozenset(map(Scope, row.scopes.split())),
        knowledge_bases=bases,
        limits=KeyLimits(row.requests_per_minute, row.tokens_per_minute),
        created_at=with_zone(row.created_at),
        expires_at=None if row.expires_at is None else with_zone(row.expires_at),
        last_used_at=None if row.last_used_at is None else with_zone(row.last_used_at),
        revoked_at=None if row.revoked_at is None else with_zone(row.revoked_at),
    )
