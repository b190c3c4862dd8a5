"""The store of searches that were saved in a knowledge base, for everybody who may read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.search_tables import SavedSearchRow
from app.errors import InvalidRequest, SearchNotFound

MOST = 200  # of a knowledge base
LONGEST_NAME = 200  # characters
LONGEST = 30_000  # characters of parameters


@dataclass(frozen=True)
class SavedSearch:
    """A search by its name; `parameters` are those of its address, encoded as there."""

    id: int
    name: str
    parameters: str
    created_at: datetime


@dataclass(frozen=True)
class SavedSearchStore:
    database: Database

    def save(self, knowledge_base_id: int, name: str, parameters: str) -> SavedSearch:
        """Keep a search under a name; a name that is there already stands for this search then.

        Raises:
            InvalidRequest: no name, nothing to search for, or too much of either.
        """
        name = " ".join(name.replace("\0", " ").split())
        if not 1 <= len(name) <= LONGEST_NAME or not 1 <= len(parameters) <= LONGEST:
            raise InvalidRequest(
                "A search is saved with a name and what is searched for.",
                remedy=f"Give it a name of at most {LONGEST_NAME} characters.",
            )

        def keep(session: Session) -> SavedSearch:
            of_base = SavedSearchRow.knowledge_base_id == knowledge_base_id
            known = session.scalar(
                select(SavedSearchRow.id).where(of_base, SavedSearchRow.name == name)
            )
            row = session.get(SavedSearchRow, known, with_for_update=True) if known else None
            if row is None:
                count = session.scalar(
                    select(func.count()).select_from(SavedSearchRow).where(of_base)
                )
                if (count or 0) >= MOST:
                    raise InvalidRequest(
                        f"There are {MOST} saved searches already.", remedy="Delete one of them."
                    )
                row = SavedSearchRow(
                    knowledge_base_id=knowledge_base_id, name=name, created_at=now()
                )
                session.add(row)
            row.parameters = parameters
            session.flush()
            return _saved(row)

        return self.database.transaction(keep)

    def list(self, knowledge_base_id: int) -> tuple[SavedSearch, ...]:
        """The saved searches, by name."""

        def read(session: Session) -> tuple[SavedSearch, ...]:
            rows = session.scalars(
                select(SavedSearchRow).where(SavedSearchRow.knowledge_base_id == knowledge_base_id)
            )
            return tuple(sorted(map(_saved, rows), key=lambda one: (one.name.casefold(), one.id)))

        return self.database.transaction(read)

    def delete(self, knowledge_base_id: int, search_id: int) -> None:
        """Forget a saved search.

        Raises:
            SearchNotFound: the knowledge base has no such one.
        """

        def forget(session: Session) -> None:
            row = session.get(SavedSearchRow, search_id)
            if row is None or row.knowledge_base_id != knowledge_base_id:
                raise SearchNotFound(f"There is no saved search {search_id}.")
            session.delete(row)

        self.database.transaction(forget)


def _saved(row: SavedSearchRow) -> SavedSearch:
    return SavedSearch(row.id, row.name, row.parameters, with_zone(row.created_at))
