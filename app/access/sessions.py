"""Signing in: passwords tried at a bounded rate, and the sessions of browsers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from app.access.digest import digest
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
        account, source = digest(folded(name)), digest(address)
        # Noted before it is known to be wrong: of many at once, no more are tried than one by one.
        tried = self.database.transaction(lambda session: _note_try(session, account, source))
        try:
            self.database.transaction(lambda session: _check_rate(session, tried))
        except RateLimited:
            self._forget(tried)
            raise

        def look(session: Session) -> tuple[int, str | None] | None:
            row = session.scalar(select(UserRow).where(UserRow.name == folded(name)))
            known = row is not None and row.disabled_at is None
            return (row.id, row.password_hash) if row is not None and known else None

        found = self.database.transaction(look)
        if not fits(password, found[1] if found else None) or found is None:
            raise WrongPassword("Name and password do not belong together.")
        self._forget(tried)
        return self.begin(found[0])

    def _forget(self, tried: _Try) -> None:
        """A try that was right, or that was not made, is no failure."""
        gone = delete(SignInFailureRow).where(SignInFailureRow.id == tried.id)
        self.database.transaction(lambda session: session.execute(gone) and None)

    def begin(self, user_id: int) -> str:
        """A new session of somebody who has shown who they are."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        moment = now()

        def insert(session: Session) -> None:
            session.execute(delete(SessionRow).where(SessionRow.expires_at < moment))
            session.add(
                SessionRow(
                    token_hash=digest(token),
                    user_id=user_id,
                    created_at=moment,
                    seen_at=moment,
                    expires_at=moment + LIFE,
                )
            )

        self.database.transaction(insert)
        return token

    def found(
        self, token: str, *, used: bool = True
    ) -> tuple[User, Mapping[int, Role] | None] | None:
        """Whose session it is, and their roles; None if it has ended.

        `used` is whether that counts as a use of it, without which it ends.
        """

        def look(session: Session) -> tuple[User, Mapping[int, Role] | None] | None:
            row, moment = session.get(SessionRow, digest(token)), now()
            if row is None or row.expires_at <= moment or moment - row.seen_at > IDLE:
                return None
            if used and moment - row.seen_at > SEEN_EVERY:
                seen = update(SessionRow).where(SessionRow.token_hash == row.token_hash)
                session.execute(seen.values(seen_at=moment))
            user, roles = with_roles(session, row.user_id)
            return None if user.disabled else (user, roles)

        return self.database.transaction(look)

    def end(self, token: str) -> None:
        ended = delete(SessionRow).where(SessionRow.token_hash == digest(token))
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


@dataclass(frozen=True)
class _Try:
    """A password that is about to be tried, noted as wrong until it was right."""

    id: int
    account: str
    address: str
    at: datetime


def _note_try(session: Session, account: str, address: str) -> _Try:
    moment = now()
    session.execute(delete(SignInFailureRow).where(SignInFailureRow.at < moment - WINDOW))
    row = SignInFailureRow(account=account, address=address, at=moment)
    session.add(row)
    session.flush()
    return _Try(row.id, account, address, moment)


def _check_rate(session: Session, tried: _Try) -> None:
    # `account` alone: whoever guesses may come from many addresses.
    limits = (
        (SignInFailureRow.account, tried.account, FOR_ONE_ACCOUNT),
        (SignInFailureRow.address, tried.address, FROM_ONE_ADDRESS),
    )
    for column, value, most in limits:
        oldest = _oldest_that_counts(session, column == value, tried, most)
        if oldest is not None:
            raise RateLimited(
                "Too many wrong passwords.",
                kind="requests",
                seconds=(oldest + WINDOW - now()).total_seconds(),
            )


def _oldest_that_counts(
    session: Session, alike: ColumnElement[bool], tried: _Try, most: int
) -> datetime | None:
    """Of the last `most` beside this try the first; None if there are fewer.

    Those that are made at the same time count too. Of any that are let through, the last to be
    noted has seen all the others, so there are never more than `most`.
    """
    row = SignInFailureRow
    return session.scalar(
        select(row.at)
        .where(alike, row.id != tried.id, row.at > tried.at - WINDOW)
        .order_by(row.at.desc())
        .offset(most - 1)
        .limit(1)
    )
