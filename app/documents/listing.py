"""Which documents of a knowledge base are listed, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from app.documents.model import Document, Revision
from app.documents.tables import DocumentRow, RevisionRow


class DocumentOrder(StrEnum):
    """What documents are sorted by; the name decides between equals."""

    NAME = "name"
    SIZE = "size"
    LENGTH = "length"
    DATE = "date"


@dataclass(frozen=True)
class Listing:
    """A stretch of a knowledge base's documents: those whose name contains `name_contains`."""

    name_contains: str = ""
    order: DocumentOrder = DocumentOrder.NAME
    descending: bool = False
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True)
class ListedDocument:
    """A document with its current revision: None before its first ingest ended."""

    document: Document
    revision: Revision | None


def listed(knowledge_base_id: int, listing: Listing) -> Select[DocumentRow, RevisionRow]:
    """The statement that reads the documents of a listing."""
    column = _COLUMNS[listing.order]
    return (
        select(DocumentRow, RevisionRow)
        .outerjoin(RevisionRow, RevisionRow.id == DocumentRow.current_revision_id)
        .where(named(knowledge_base_id, listing.name_contains))
        .order_by(column.desc() if listing.descending else column.asc(), DocumentRow.name)
        .offset(listing.offset)
        .limit(listing.limit)
    )


def named(knowledge_base_id: int, name_contains: str) -> ColumnElement[bool]:
    """The documents of the knowledge base that are there, with these characters in their name."""
    present = (DocumentRow.knowledge_base_id == knowledge_base_id) & (DocumentRow.deletion == 0)
    if not name_contains:
        return present
    return present & DocumentRow.name.icontains(name_contains, autoescape=True)


_COLUMNS: dict[DocumentOrder, InstrumentedAttribute[Any]] = {
    DocumentOrder.NAME: DocumentRow.name,
    DocumentOrder.SIZE: RevisionRow.size,
    DocumentOrder.LENGTH: RevisionRow.characters,
    DocumentOrder.DATE: DocumentRow.updated_at,
}
