"""Which revisions an index holds, and which it should hold: by count and by hash."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

# Of each id, 64 bits of its SHA-256; XOR does not care for the order. Computed where the rows are.
_HASH = "BIT_XOR(CAST(CONV(SUBSTRING(SHA2({0}, 256), 1, 16), 16, 10) AS UNSIGNED))"
_OF_BASE = (
    f"SELECT COUNT(*), {_HASH.format('current_revision_id')} FROM documents "  # noqa: S608
    "WHERE knowledge_base_id = :of AND deletion = 0 AND current_revision_id IS NOT NULL"
)
_OF_INDEX = (
    f"SELECT COUNT(*), {_HASH.format('revision_id')} FROM indexed_revisions "  # noqa: S608
    "WHERE index_id = :of AND state = 'live'"
)
_WITH_REFUSED = _OF_INDEX.replace("= 'live'", "IN ('live', 'refused')")


@dataclass(frozen=True)
class Standing:
    """A set of revisions: how many, and a hash that equal sets share.

    Different sets of the same size share it once in 2^64 times.
    """

    revisions: int
    digest: str

    @classmethod
    def of_base(cls, session: Session, knowledge_base_id: int) -> Standing:
        """The current revisions of the knowledge base's documents: what its indexes should hold."""
        return cls._of(session, _OF_BASE, knowledge_base_id)

    @classmethod
    def of_index(cls, session: Session, index_id: int) -> Standing:
        """The revisions that a search of the index finds."""
        return cls._of(session, _OF_INDEX, index_id)

    @classmethod
    def with_refused(cls, session: Session, index_id: int) -> Standing:
        """As `of_index`, with those that its model refused."""
        return cls._of(session, _WITH_REFUSED, index_id)

    @classmethod
    def _of(cls, session: Session, statement: str, of: int) -> Standing:
        revisions, digest = session.execute(text(statement), {"of": of}).one()
        return cls(int(revisions), f"{int(digest or 0):016x}")
