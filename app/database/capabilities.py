"""What the TiDB at hand can do: asked of the server, never assumed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.database.connection import Database
from app.errors import DatabaseRefused

OLDEST = (8, 4)  # the first release with the VECTOR type
STORAGE = (
    "SELECT value FROM information_schema.cluster_config "
    "WHERE type = 'tidb' AND `key` = 'store' LIMIT 1"
)
TIFLASH_STORES = "SELECT COUNT(*) FROM information_schema.cluster_info WHERE type = 'tiflash'"
VERSION = re.compile(r"TiDB-v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Capabilities:
    """A server's version and kind.

    `storage` is what it keeps its rows in, `unistore` or `tikv`, and empty where a managed tier
    does not say; `tiflash_stores` counts its columnar stores.
    """

    version: str
    storage: str
    tiflash_stores: int

    @property
    def single(self) -> bool:
        """Whether one process both plans a statement and holds the rows."""
        return self.storage == "unistore"

    @property
    def may_have_full_text(self) -> bool:
        """Whether to ask for full text: of self-managed servers none has it."""
        return not self.storage

    @property
    def kind(self) -> str:
        """The kind of server, in words."""
        if self.tiflash_stores:
            return "cluster with TiFlash"
        if self.single:
            return "single server"
        return "cluster without TiFlash" if self.storage else "managed"

    @property
    def vector_plan(self) -> str:
        """How vectors are searched, in words; each search says which way it went."""
        exact = "exact search with the filter first"
        if self.tiflash_stores:
            return f"vector index (HNSW) with the filter last; {exact} where one narrows much"
        if self.single:
            return f"{exact}; in large indexes among the nearest signatures"
        return exact


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
    return Capabilities(
        version.partition("-TiDB-")[2],
        _asked(database, STORAGE) or "",
        int(_asked(database, TIFLASH_STORES) or 0),
    )


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


def _asked(database: Database, question: str) -> str | None:
    """One value that the server tells of itself; None where a managed tier hides it."""
    try:
        answer = database.transaction(lambda session: session.scalar(text(question)))
    except OperationalError:
        return None
    return None if answer is None else str(answer)
