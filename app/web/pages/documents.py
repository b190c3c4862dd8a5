"""The documents page: what is there, what is on its way, what failed; uploads and deletions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.documents.listing import DocumentOrder, ListedDocument, Listing
from app.documents.model import KnowledgeBase
from app.errors import TidemarkError
from app.services import Services
from app.web.addresses import address, api_address
from app.web.pages.frame import Chosen, ChosenBase, frame, show
from app.web.pages.frame import chosen as choose
from app.web.pages.sample import handbook
from app.web.pages.uploads import Upload, uploads_of
from app.web.pages.wording import When, count, kind, size, when
from app.web.wiring import Wired, wake_worker

router = APIRouter(include_in_schema=False)

ROWS = 50
PIECE = 1024 * 1024  # bytes read at once of a file that is uploaded

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
class Refused:
    """A file that was not taken in."""

    name: str
    error: TidemarkError


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


@router.get("/documents")
def documents_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    *,
    name: str = "",
    sort: DocumentOrder = DocumentOrder.NAME,
    order: Annotated[str, Query(pattern="^(up|down)$")] = "up",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    received: int | None = None,
    unchanged: int = 0,
    deleted: int = 0,
) -> HTMLResponse:
    asked = Asked(name.strip(), sort, order, offset)
    notice = _notice(received, unchanged, deleted)
    return _show(request, services, chosen, asked, notice=notice)


@router.post("/documents")
def upload(
    request: Request,
    services: Wired,
    files: Annotated[list[UploadFile], File()],
    base_name: Annotated[str, Form(alias="knowledge-base")],
) -> Response:
    """Take files in from a plain form; those that are refused are told on the page, by name."""
    base = services.knowledge_bases.get(base_name)
    refused: list[Refused] = []
    receipts = []
    for file in files:
        name = file.filename or "unnamed"
        try:
            content = iter(lambda f=file: f.file.read(PIECE), b"")  # type: ignore[misc]
            receipts.append(services.uploads.receive(base, name, content))
        except TidemarkError as error:
            refused.append(Refused(name, error))
    wake_worker(request)
    unchanged = sum(receipt.unchanged for receipt in receipts)
    received = len(receipts) - unchanged
    if not refused:
        numbers = (("received", received), ("unchanged", unchanged or None))
        shown = address("/documents", ("knowledge-base", base.name), *numbers)
        return RedirectResponse(shown, status_code=303)
    return _show(
        request,
        services,
        choose(services, base.name),
        Asked(),
        notice=_notice(received, unchanged, 0),
        refused=tuple(refused),
        status_code=refused[0].error.status_code,
    )


def _show(
    request: Request,
    services: Services,
    chosen: Chosen,
    asked: Asked,
    *,
    notice: str,
    refused: tuple[Refused, ...] = (),
    status_code: int = 200,
) -> HTMLResponse:
    base = chosen.base
    jobs = services.jobs.unfinished(base.id)
    uploads = uploads_of(jobs)
    return show(
        request,
        "documents.html",
        frame("Documents", "/documents", base.name, api_address(base.name, "documents")),
        status_code=status_code,
        chosen=chosen,
        asked=asked,
        table=_table(services, base, asked, uploads),
        uploads=uploads,
        reading=sum(not upload.failed for upload in uploads),
        refused=refused,
        notice=notice,
        limit=size(services.settings.max_upload_mb * 1_000_000),
        handbook=len(handbook()),
        here=asked.address(base.name),
    )


def _table(
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


def _notice(received: int | None, unchanged: int, deleted: int) -> str:
    """What the last action did, in a sentence."""
    said = []
    if received:
        said.append(f"{count(received, 'file')} taken in.")
    if unchanged:
        is_are = "is" if unchanged == 1 else "are"
        said.append(f"{count(unchanged, 'file')} {is_are} here already with the same bytes.")
    if deleted:
        said.append(f"{count(deleted, 'document')} deleted.")
    return " ".join(said)
