"""The store of knowledge bases."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.rights import EVERYTHING, Sight
from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.model import KnowledgeBase
from app.documents.synonyms import Synonyms, checked_synonyms, dump, load
from app.documents.tables import DocumentRow, KnowledgeBaseRow
from app.errors import InvalidName, KnowledgeBaseExists, KnowledgeBaseNotFound

# Of the table, not of the class: nearly every request asks for it, and objects are dearer.
_BY_NAME = select(KnowledgeBaseRow.__table__).where(
    KnowledgeBaseRow.name == bindparam("name"), KnowledgeBaseRow.deletion == 0
)

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


def checked_name(name: str) -> str:
    """`name` if it may name a knowledge base: it stands in addresses and in model names."""
    if not NAME.fullmatch(name):
        raise InvalidName(
            f"{name[:80]!r} cannot name a knowledge base.",
            remedy="Use up to 64 lower-case letters, digits, dots, dashes and underscores, "
            "with a letter or digit first and last.",
        )
    return name


@dataclass(frozen=True)
class KnowledgeBaseStore:
    """The knowledge bases of `sight`: others are not there."""

    database: Database
    sight: Sight = EVERYTHING

    def create(self, name: str) -> KnowledgeBase:
        """Make an empty knowledge base, with no index yet.

        Raises:
            InvalidName: `name` cannot stand in an address.
            KnowledgeBaseExists: there is one of that name.
        """
        checked_name(name)

        def insert(session: Session) -> KnowledgeBase:
            row = KnowledgeBaseRow(name=name, deletion=0, created_at=now())
            session.add(row)
            session.flush()
            return _knowledge_base(row)

        try:
            return self.database.transaction(insert)
        except IntegrityError as taken:
            raise KnowledgeBaseExists(f"There is a knowledge base named {name!r}.") from taken

    def get(self, name: str) -> KnowledgeBase:
        rows = self.database.read(_BY_NAME, name=name)
        missing = KnowledgeBaseNotFound(f"There is no knowledge base named {name[:80]!r}.")
        if not rows:
            raise missing
        self.sight.check(rows[0].id, missing)
        return _knowledge_base(rows[0])

    def by_id(self, knowledge_base_id: int) -> KnowledgeBase:
        def read(session: Session) -> KnowledgeBase:
            row = session.get(KnowledgeBaseRow, knowledge_base_id)
            missing = KnowledgeBaseNotFound("That knowledge base is not there any more.")
            if row is None or row.deletion:
                raise missing
            self.sight.check(row.id, missing)
            return _knowledge_base(row)

        return self.database.transaction(read)

    def list(self) -> tuple[tuple[KnowledgeBase, int], ...]:
        """Every knowledge base with the number of its documents that can be read, by name."""

        def read(session: Session) -> tuple[tuple[KnowledgeBase, int], ...]:
            readable = (
                select(DocumentRow.knowledge_base_id, func.count().label("documents"))
                .where(DocumentRow.deletion == 0, DocumentRow.current_revision_id.is_not(None))
                .group_by(DocumentRow.knowledge_base_id)
                .subquery()
            )
            rows = session.execute(
                select(KnowledgeBaseRow, func.coalesce(readable.c.documents, 0))
                .outerjoin(readable, readable.c.knowledge_base_id == KnowledgeBaseRow.id)
                .where(KnowledgeBaseRow.deletion == 0, self.sight.among(KnowledgeBaseRow.id))
                .order_by(KnowledgeBaseRow.name)
            )
            return tuple((_knowledge_base(row), int(documents)) for row, documents in rows)

        return self.database.transaction(read)

    def set_synonyms(self, name: str, groups: Iterable[Iterable[str]]) -> Synonyms:
        """Let these be the knowledge base's synonyms; gives them as they are kept.

        Raises:
            InvalidRequest: a group of one word, or too much of anything.
        """
        synonyms = checked_synonyms(groups)
        base = self.get(name)

        def keep(session: Session) -> None:
            row = session.get(KnowledgeBaseRow, base.id, with_for_update=True)
            if row is None or row.deletion:
                raise KnowledgeBaseNotFound(f"There is no knowledge base named {name[:80]!r}.")
            row.synonyms = dump(synonyms)

        self.database.transaction(keep)
        return synonyms

    def delete(self, name: str) -> None:
        """Take the knowledge base out of sight at once; what it owns is cleared later."""

        def mark(session: Session) -> None:
            row = session.scalar(
                select(KnowledgeBaseRow)
                .where(KnowledgeBaseRow.name == name, KnowledgeBaseRow.deletion == 0)
                .with_for_update()
            )
            missing = KnowledgeBaseNotFound(f"There is no knowledge base named {name[:80]!r}.")
            if row is None:
                raise missing
            self.sight.check(row.id, missing)
            row.deletion = row.id
            row.deleted_at = now()

        self.database.transaction(mark)


def _knowledge_base(row: KnowledgeBaseRow | Row[Any]) -> KnowledgeBase:
    return KnowledgeBase(
        row.id,
        row.name,
        with_zone(row.created_at),
        row.active_index_id,
        paused=row.paused_at is not None,
        synonyms=load(row.synonyms),
    )
