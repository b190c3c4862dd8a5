"""What the TiDB at hand can do: asked of the server, never assumed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.errors import DatabaseRefused

OLDEST = (8, 4)  # the first release with the VECTOR type
VERSION = re.compile(r"TiDB-v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Capabilities:
    """A server's version and kind; `tiflash_stores` counts its columnar stores."""

    version: str
    tiflash_stores: int
    tikv_stores: int

    @property
    def kind(self) -> str:
        """The kind of server, in words."""
        if self.tiflash_stores:
            return "cluster with TiFlash"
        if self.tikv_stores:
            return "cluster without TiFlash"
        return "single server"

    @property
    def vector_plan(self) -> str:
        """How vectors are searched, in words."""
        return "exact search with the filter first"


def probe(database: Database) -> Capabilities:
    """Ask the server what it is.

    Raises:
        DatabaseRefused: it is no TiDB, or one too old for vectors.
        DatabaseUnavailable: it does not answer.
    """
    version = database.transaction(
        lambda session: str(session.scalar(text("SELECT VERSION()")) or "")
    )
    _check(version)
    return Capabilities(version.partition("-TiDB-")[2], *database.transaction(_stores))


def _check(version: str) -> None:
    found = VERSION.search(version)
    if found is None:
        raise DatabaseRefused(
            f"The server says it is {version!r}, which is not TiDB.",
            remedy="Point TIDB_DATABASE_URL at a TiDB, or unset it to use the one Tidemark brings.",
        )
    if (int(found[1]), int(found[2])) < OLDEST:
        raise DatabaseRefused(
            f"This TiDB is {version!r}: vectors need version {OLDEST[0]}.{OLDEST[1]} or newer.",
            remedy="Upgrade TiDB to 8.5 or newer, or unset TIDB_DATABASE_URL.",
        )


def _stores(session: Session) -> tuple[int, int]:
    counted = text(
        "SELECT COALESCE(SUM(type = 'tiflash'), 0), COALESCE(SUM(type = 'tikv'), 0) "
        "FROM information_schema.cluster_info"
    )
    try:
        tiflash, tikv = session.execute(counted).one()
    except (OperationalError, DBAPIError):
        # A managed tier may hide the table from its users: then nothing is promised of it.
        session.rollback()
        return 0, 0
    return int(tiflash), int(tikv)
