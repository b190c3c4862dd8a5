"""Which revisions a search may find: the current ones of the documents that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.indexes.index import Presence
from app.indexes.tables import IndexedRevisionRow


@dataclass(frozen=True)
class Scope:
    """Read in the snapshot of the search. `wanted` is None where every document may be found."""

    not_current: tuple[int, ...]
    wanted: tuple[int, ...] | None

    @classmethod
    def of(cls, session: Session, index_id: int, document_ids: Sequence[int] = ()) -> Scope:
        of_index = IndexedRevisionRow.index_id == index_id
        not_current = session.scalars(
            select(IndexedRevisionRow.revision_id).where(
                of_index, IndexedRevisionRow.state.in_([Presence.STAGED, Presence.LEAVING])
            )
        ).all()
        wanted = None
        if document_ids:
            wanted = session.scalars(
                select(IndexedRevisionRow.revision_id).where(
                    of_index,
                    IndexedRevisionRow.document_id.in_(document_ids),
                    IndexedRevisionRow.state == Presence.LIVE,
                )
            ).all()
        return cls(tuple(not_current), None if wanted is None else tuple(wanted))

    def filter(self) -> dict[str, dict[str, list[int]]] | None:
        """As pytidb takes it; None for no condition: an empty one, to it, matches everything."""
        if self.wanted is not None:
            return {"revision_id": {"$in": list(self.wanted) or [0]}}
        if self.not_current:
            return {"revision_id": {"$nin": list(self.not_current)}}
        return None

    def clause(self, revision: str) -> tuple[str, dict[str, object]]:
        """As a condition on the SQL expression `revision`, with its values; `AND` comes first."""
        if self.wanted is None:
            return self.not_current_clause(revision)
        values: dict[str, object] = {f"r{i}": value for i, value in enumerate(self.wanted or (0,))}
        return f" AND {revision} IN ({', '.join(f':{name}' for name in values)})", values

    def not_current_clause(self, revision: str) -> tuple[str, dict[str, object]]:
        """As `clause`, for every document."""
        if not self.not_current:
            return "", {}
        values: dict[str, object] = {f"r{i}": value for i, value in enumerate(self.not_current)}
        return f" AND {revision} NOT IN ({', '.join(f':{name}' for name in values)})", values
