"""Which revisions an index holds, and which it should hold: by count and by hash."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from app.indexes.index import Presence

# Of each id, 64 bits of its SHA-256; XOR does not care for the order. Computed where the rows are.
_HASH = "BIT_XOR(CAST(CONV(SUBSTRING(SHA2({0}, 256), 1, 16), 16, 10) AS UNSIGNED))"
_OF_BASE = text(
    f"SELECT COUNT(*), {_HASH.format('current_revision_id')} FROM documents "  # noqa: S608
    "WHERE knowledge_base_id = :of AND deletion = 0 AND current_revision_id IS NOT NULL"
)
_OF_INDEXES = text(
    f"SELECT index_id, state, COUNT(*), {_HASH.format('revision_id')} "  # noqa: S608
    "FROM indexed_revisions WHERE index_id IN :of AND state IN ('live', 'refused') "
    "GROUP BY index_id, state"
).bindparams(bindparam("of", expanding=True))


@dataclass(frozen=True)
class Standing:
    """A set of revisions: how many, and a hash that equal sets share.

    Different sets of the same size share it once in 2^64 times.
    """

    revisions: int = 0
    digest: str = f"{0:016x}"

    @classmethod
    def of_base(cls, session: Session, knowledge_base_id: int) -> Standing:
        """The current revisions of the knowledge base's documents: what its indexes should hold."""
        revisions, digest = session.execute(_OF_BASE, {"of": knowledge_base_id}).one()
        return cls(int(revisions), _hexadecimal(digest))

    def with_others(self, others: Standing) -> Standing:
        """The set of both's revisions, which have none in common."""
        digest = int(self.digest, 16) ^ int(others.digest, 16)
        return Standing(self.revisions + others.revisions, _hexadecimal(digest))


@dataclass(frozen=True)
class Holding:
    """What an index holds: revisions that a search finds, and those that its model refused."""

    live: Standing = Standing()
    refused: Standing = Standing()

    @property
    def settled(self) -> Standing:
        """The revisions with which nothing is left to be done: live ones and refused ones."""
        return self.live.with_others(self.refused)


def holdings(session: Session, index_ids: Collection[int]) -> dict[int, Holding]:
    """What each of the indexes holds, by its id; one statement, however many they are."""
    found = {
        (index_id, state): Standing(int(revisions), _hexadecimal(digest))
        for index_id, state, revisions, digest in session.execute(
            _OF_INDEXES, {"of": list(index_ids)}
        )
    }
    return {
        index_id: Holding(
            found.get((index_id, Presence.LIVE), Standing()),
            found.get((index_id, Presence.REFUSED), Standing()),
        )
        for index_id in index_ids
    }


def _hexadecimal(digest: int | None) -> str:
    return f"{int(digest or 0):016x}"
