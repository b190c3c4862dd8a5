"""Signing in: passwords tried at a bounded rate, and the sessions of browsers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.access.passwords import fits
from app.access.rights import Role
from app.access.tables import SessionRow, SignInFailureRow, UserRow
from app.access.users import User, folded, with_roles
from app.database.connection import Database
from app.database.tables import now
from app.errors import RateLimited, WrongPassword

TOKEN_BYTES = 32
LIFE = timedelta(days=30)
IDLE = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=10)

WINDOW = timedelta(minutes=15)
FROM_ONE_ADDRESS = 30  # wrong passwords in a window
FOR_ONE_ACCOUNT = 10
"""Few, so that a password cannot be guessed; its owner waits a quarter of an hour at most."""


@dataclass(frozen=True)
class Sessions:
    database: Database

    def sign_in(self, name: str, password: str, address: str) -> str:
        """Check a password, and begin a session; gives the token for the browser to keep.

        Raises:
            WrongPassword: name and password do not belong together.
            RateLimited: too many wrong ones, for this name or from this address.
        """
        account, source = _hash(folded(name)), _hash(address)
        self.database.transaction(lambda session: _check_rate(session, account, source))

        def look(session: Session) -> tuple[int, str | None] | None:
            row = session.scalar(select(UserRow).where(UserRow.name == folded(name)))
            known = row is not None and row.disabled_at is None
            return (row.id, row.password_hash) if row is not None and known else None

        found = self.database.transaction(look)
        if not fits(password, found[1] if found else None) or found is None:
            self.database.transaction(lambda session: _note_failure(session, account, source))
            raise WrongPassword("Name and password do not belong together.")
        return self.begin(found[0])

    def begin(self, user_id: int) -> str:
        """A new session of somebody who has shown who they are."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        moment = now()

        def insert(session: Session) -> None:
            session.execute(delete(SessionRow).where(SessionRow.expires_at < moment))
            session.add(
                SessionRow(
                    token_hash=_hash(token),
                    user_id=user_id,
                    created_at=moment,
                    seen_at=moment,
                    expires_at=moment + LIFE,
                )
            )

        self.database.transaction(insert)
        return token

    def found(self, token: str) -> tuple[User, Mapping[int, Role] | None] | None:
        """Whose session it is, and their roles; None if it has ended."""

        def look(session: Session) -> tuple[User, Mapping[int, Role] | None] | None:
            row, moment = session.get(SessionRow, _hash(token)), now()
            if row is None or row.expires_at <= moment or moment - row.seen_at > IDLE:
                return None
            if moment - row.seen_at > SEEN_EVERY:
                seen = update(SessionRow).where(SessionRow.token_hash == row.token_hash)
                session.execute(seen.values(seen_at=moment))
            user, roles = with_roles(session, row.user_id)
            return None if user.disabled else (user, roles)

        return self.database.transaction(look)

    def end(self, token: str) -> None:
        ended = delete(SessionRow).where(SessionRow.token_hash == _hash(token))
        self.database.transaction(lambda session: session.execute(ended) and None)

    def end_all(self, user_id: int) -> None:
        """Sign somebody out of every browser; their API keys stay."""
        ended = delete(SessionRow).where(SessionRow.user_id == user_id)
        self.database.transaction(lambda session: session.execute(ended) and None)

    def count(self, user_id: int) -> int:
        """In how many browsers somebody is signed in."""
        mine = (SessionRow.user_id == user_id) & (SessionRow.expires_at > now())
        counted = select(func.count()).select_from(SessionRow).where(mine)
        return self.database.transaction(lambda session: session.scalar(counted) or 0)


def _check_rate(session: Session, account: str, source: str) -> None:
    since = now() - WINDOW
    # `account` alone: whoever guesses may come from many addresses.
    limits = (
        (SignInFailureRow.account, account, FOR_ONE_ACCOUNT),
        (SignInFailureRow.address, source, FROM_ONE_ADDRESS),
    )
    for column, value, most in limits:
        oldest = _oldest_that_counts(session, column, value, since, most)
        if oldest is not None:
            raise RateLimited(
                "Too many wrong passwords.",
                kind="requests",
                seconds=(oldest + WINDOW - now()).total_seconds(),
            )


def _oldest_that_counts(
    session: Session, column: InstrumentedAttribute[str], value: str, since: datetime, most: int
) -> datetime | None:
    """Of the last `most` failures the first; None if there are fewer."""
    return session.scalar(
        select(SignInFailureRow.at)
        .where(column == value, SignInFailureRow.at > since)
        .order_by(SignInFailureRow.at.desc())
        .offset(most - 1)
        .limit(1)
    )


def _note_failure(session: Session, account: str, source: str) -> None:
    moment = now()
    session.execute(delete(SignInFailureRow).where(SignInFailureRow.at < moment - WINDOW))
    session.add(SignInFailureRow(account=account, address=source, at=moment))


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
