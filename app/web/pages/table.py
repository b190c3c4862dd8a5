"""The table of documents: which rows, in what order, and what stands in each."""

from __future__ import annotations

from dataclasses import dataclass

from app.documents.kinds import kind
from app.documents.listing import DocumentOrder, ListedDocument, Listing
from app.documents.model import KnowledgeBase
from app.services import Services
from app.web.addresses import address
from app.web.pages.uploads import Upload
from app.web.pages.wording import When, count, size, when

ROWS = 50

HEADINGS = (
    (DocumentOrder.NAME, "Name"),
    (DocumentOrder.SIZE, "Size"),
    (DocumentOrder.LENGTH, "Length"),
    (DocumentOrder.DATE, "Changed"),
)


@dataclass(frozen=True)
class Row:
    id: int
    name: str
    address: str | None
    """None while there is nothing to read."""
    kind: str
    size: str
    length: str
    changed: When
    state: str
    delete: str


@dataclass(frozen=True)
class Heading:
    """A column's heading, which sorts by it; `sorted` is a value of `aria-sort`."""

    key: str
    label: str
    address: str
    sorted: str | None


@dataclass(frozen=True)
class Table:
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    summary: str
    earlier: str | None
    later: str | None


@dataclass(frozen=True)
class Asked:
    """The table's part of the address."""

    name: str = ""
    sort: DocumentOrder = DocumentOrder.NAME
    order: str = "up"
    offset: int = 0

    def address(self, base: str) -> str:
        return address(
            "/documents",
            ("knowledge-base", base),
            ("name", self.name),
            ("sort", None if self.sort is DocumentOrder.NAME else self.sort.value),
            ("order", None if self.order == "up" else self.order),
            ("offset", self.offset or None),
        )


def table(
    services: Services, base: KnowledgeBase, asked: Asked, uploads: tuple[Upload, ...]
) -> Table:
    listing = Listing(asked.name, asked.sort, asked.order == "down", asked.offset, ROWS)
    listed = services.documents.listing(base.id, listing)
    total = services.documents.count(base.id, asked.name)
    states = {upload.document_id: upload.state for upload in uploads}
    last = asked.offset + len(listed)
    shown = f", {asked.offset + 1:,} to {last:,} shown" if len(listed) < total else ""

    def at(offset: int) -> str:
        return Asked(asked.name, asked.sort, asked.order, offset).address(base.name)

    return Table(
        headings=tuple(_heading(base, asked, key, label) for key, label in HEADINGS),
        rows=tuple(_row(each, states) for each in listed),
        summary=count(total, "document")
        + (f" named like “{asked.name}”" if asked.name else "")
        + shown,
        earlier=at(max(0, asked.offset - ROWS)) if asked.offset else None,
        later=at(last) if last < total else None,
    )


def _heading(base: KnowledgeBase, asked: Asked, key: DocumentOrder, label: str) -> Heading:
    now = key is asked.sort
    turned = "down" if now and asked.order == "up" else "up"
    direction = "ascending" if asked.order == "up" else "descending"
    link = Asked(asked.name, key, turned).address(base.name)
    return Heading(key.value, label, link, direction if now else None)


def _row(listed: ListedDocument, states: dict[int, str]) -> Row:
    document, revision = listed.document, listed.revision
    state = states.get(document.id)
    if state is None:
        state = "ready" if revision else "waiting"
    elif revision:
        state = f"ready; new revision {state}"
    return Row(
        id=document.id,
        name=document.name,
        address=f"/documents/{document.id}" if revision else None,
        kind=kind(revision.media_type) if revision else "",
        size=size(revision.size) if revision else "",
        length=count(revision.characters or 0, "character") if revision else "",
        changed=when(document.updated_at),
        state=state,
        delete=address("/documents/delete", ("document", document.id)),
    )
