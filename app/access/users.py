"""Users: who may sign in, and what they are in each knowledge base."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.passwords import hashed
from app.access.rights import Role
from app.access.tables import GrantRow, SessionRow, UserRow
from app.database.connection import Database
from app.database.tables import now, with_zone
from app.errors import InvalidRequest, NotAllowed, UserExists, UserNotFound

LONGEST_NAME = 100


@dataclass(frozen=True)
class User:
    """Somebody who signs in; an administrator may do everything, everywhere."""

    id: int
    name: str
    administrator: bool
    created_at: datetime
    disabled: bool
    has_password: bool


@dataclass(frozen=True)
class UserStore:
    database: Database

    def create(
        self,
        name: str,
        password: str | None,
        *,
        administrator: bool = False,
        subject: str | None = None,
    ) -> User:
        """Make a user; without a password they sign in by the OpenID provider's `subject` alone.

        Raises:
            InvalidRequest: a name or password that cannot be used.
            UserExists: there is one of that name.
        """
        row_name, kept = checked_user_name(name), None if password is None else hashed(password)

        def insert(session: Session) -> User:
            row = UserRow(
                name=row_name,
                password_hash=kept,
                subject=subject,
                administrator=administrator,
                created_at=now(),
                disabled_at=None,
            )
            session.add(row)
            session.flush()
            return _user(row)

        try:
            return self.database.transaction(insert)
        except IntegrityError as taken:
            raise UserExists(f"There is a user named {row_name!r}.") from taken

    def create_first(self, name: str, password: str) -> User:
        """Make the first administrator, if there is none.

        Raises:
            NotAllowed: there is one.
        """
        if self.any_administrator():
            raise NotAllowed("There is an administrator already.", remedy="Sign in.")
        return self.create(name, password, administrator=True)

    def list(self) -> tuple[User, ...]:
        """Every user, by name."""

        def read(session: Session) -> tuple[User, ...]:
            rows = session.scalars(select(UserRow).order_by(UserRow.name))
            return tuple(_user(row) for row in rows)

        return self.database.transaction(read)

    def get(self, user_id: int) -> User:
        return self.database.transaction(lambda session: _user(_row(session, user_id)))

    def by_name(self, name: str) -> User:
        def read(session: Session) -> User:
            row = session.scalar(select(UserRow).where(UserRow.name == folded(name)))
            if row is None:
                raise UserNotFound(f"There is no user named {name[:80]!r}.")
            return _user(row)

        return self.database.transaction(read)

    def by_subject(self, subject: str) -> User | None:
        def read(session: Session) -> User | None:
            row = session.scalar(select(UserRow).where(UserRow.subject == subject))
            return None if row is None else _user(row)

        return self.database.transaction(read)

    def link(self, user_id: int, subject: str) -> bool:
        """Let a user who has no other way to sign in do so as `subject`; whether that was done."""

        def change(session: Session) -> bool:
            row = session.get(UserRow, user_id, with_for_update=True)
            if row is None or row.password_hash is not None or row.subject is not None:
                return False
            row.subject = subject
            return True

        return self.database.transaction(change)

    def any_administrator(self) -> bool:
        """Whether somebody can administer Tidemark."""

        def read(session: Session) -> bool:
            able = UserRow.administrator.is_(True) & UserRow.disabled_at.is_(None)
            return session.scalar(select(UserRow.id).where(able).limit(1)) is not None

        return self.database.transaction(read)

    def set_password(self, user_id: int, password: str) -> None:
        """Set a password, and sign its user out everywhere."""
        kept = hashed(password)

        def change(session: Session) -> None:
            _row(session, user_id).password_hash = kept
            session.execute(delete(SessionRow).where(SessionRow.user_id == user_id))

        self.database.transaction(change)

    def set_administrator(self, user_id: int, *, administrator: bool) -> None:
        """Raises NotAllowed where nobody would be left to administer Tidemark."""

        def change(session: Session) -> None:
            row = _row(session, user_id)
            if row.administrator and not administrator:
                _keep_one(session, user_id)
            row.administrator = administrator

        self.database.transaction(change)

    def set_disabled(self, user_id: int, *, disabled: bool) -> None:
        """Let a user sign in no more, sessions and keys included, or again.

        Raises:
            NotAllowed: nobody would be left to administer Tidemark.
        """

        def change(session: Session) -> None:
            row = _row(session, user_id)
            if disabled:
                if row.administrator:
                    _keep_one(session, user_id)
                session.execute(delete(SessionRow).where(SessionRow.user_id == user_id))
            row.disabled_at = (row.disabled_at or now()) if disabled else None

        self.database.transaction(change)

    def grant(self, user_id: int, knowledge_base_id: int, role: Role | None) -> None:
        """Give a user a role in a knowledge base, in place of the one they have; None takes it."""

        def change(session: Session) -> None:
            _row(session, user_id)
            row = session.get(GrantRow, (user_id, knowledge_base_id), with_for_update=True)
            if role is None:
                if row is not None:
                    session.delete(row)
            elif row is None:
                session.add(
                    GrantRow(user_id=user_id, knowledge_base_id=knowledge_base_id, role=role.value)
                )
            else:
                row.role = role.value

        self.database.transaction(change)

    def grants(self) -> Mapping[int, Mapping[int, Role]]:
        """The roles of all users: by user, by knowledge base."""

        def read(session: Session) -> dict[int, dict[int, Role]]:
            found: dict[int, dict[int, Role]] = {}
            for row in session.scalars(select(GrantRow)):
                found.setdefault(row.user_id, {})[row.knowledge_base_id] = Role(row.role)
            return found

        return self.database.transaction(read)

    def roles(self, user_id: int) -> tuple[User, Mapping[int, Role] | None]:
        """A user with their roles, None for an administrator's, which are all."""
        return self.database.transaction(lambda session: with_roles(session, user_id))


def with_roles(session: Session, user_id: int) -> tuple[User, Mapping[int, Role] | None]:
    user = _user(_row(session, user_id))
    if user.administrator:
        return user, None
    rows = session.scalars(select(GrantRow).where(GrantRow.user_id == user_id))
    return user, {row.knowledge_base_id: Role(row.role) for row in rows}


def folded(name: str) -> str:
    """A name as it is kept: however it is typed, it is the same one."""
    return unicodedata.normalize("NFKC", name).strip().casefold()[: LONGEST_NAME + 1]


def checked_user_name(name: str) -> str:
    """The name as it is kept.

    Raises:
        InvalidRequest: it is empty, too long, or cannot be shown in one line.
    """
    kept = folded(name)
    if not kept or len(kept) > LONGEST_NAME or not kept.isprintable():
        raise InvalidRequest(
            f"A user's name has 1 to {LONGEST_NAME} characters that can be shown.",
            remedy="An e-mail address does well.",
        )
    return kept


def _row(session: Session, user_id: int) -> UserRow:
    row = session.get(UserRow, user_id)
    if row is None:
        raise UserNotFound(f"There is no user {user_id}.")
    return row


def _keep_one(session: Session, user_id: int) -> None:
    able = UserRow.administrator.is_(True) & UserRow.disabled_at.is_(None)
    # Locked, so that two administrators cannot take each other's place away at one moment.
    others = session.scalars(select(UserRow.id).where(able).with_for_update()).all()
    if set(others) <= {user_id}:
        raise NotAllowed(
            "Nobody would be left to administer Tidemark.",
            remedy="Make another administrator first.",
        )


def _user(row: UserRow) -> User:
    return User(
        row.id,
        row.name,
        row.administrator,
        with_zone(row.created_at),
        row.disabled_at is not None,
        row.password_hash is not None,
    )
