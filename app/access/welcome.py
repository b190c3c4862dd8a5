"""The one-time link by which the first administrator comes in, at any process on the TiDB."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, delete, select

from app.access.digest import digest
from app.access.tables import WelcomeRow
from app.database.connection import Database
from app.database.tables import now

LIFE = timedelta(hours=1)
TOKEN_BYTES = 32

_UNTIL = select(WelcomeRow.expires_at).where(WelcomeRow.token_hash == bindparam("token_hash"))


@dataclass(frozen=True)
class Welcomes:
    """The links that were printed at start while there was no administrator."""

    database: Database

    def begin(self) -> str:
        """A new link's secret, good for `LIFE`, of which only a hash is kept."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        row = {"token_hash": digest(token), "expires_at": now() + LIFE}
        self.database.transaction(lambda session: session.add(WelcomeRow(**row)))
        return token

    def admits(self, token: str) -> bool:
        """Whether a link has this secret and is still good."""
        return any(
            until > now() for (until,) in self.database.read(_UNTIL, token_hash=digest(token))
        )

    def end(self) -> None:
        """Let no link be good any more."""
        self.database.transaction(lambda session: session.execute(delete(WelcomeRow)) and None)
