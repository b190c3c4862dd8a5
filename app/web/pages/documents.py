"""The documents page: what is there, what is on its way, what failed; uploads and deletions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.access.rights import Right
from app.documents.labels import checked_labels
from app.documents.listing import DocumentOrder
from app.documents.names import document_name
from app.errors import InvalidRequest, TidemarkError
from app.services import Services
from app.web.access import needs
from app.web.addresses import address, api_address
from app.web.api.uploads import EstimateReply, estimated
from app.web.forms import file_name
from app.web.pages.fetched_addresses import in_short
from app.web.pages.frame import Chosen, ChosenBase, frame, show
from app.web.pages.frame import chosen as choose
from app.web.pages.labels import tags_in
from app.web.pages.sample import handbook
from app.web.pages.table import Asked, table
from app.web.pages.uploads import uploads_of
from app.web.pages.wording import count, dollars, kept_for, pace_in_words, size
from app.web.wiring import Wired, wake_worker

router = APIRouter(include_in_schema=False)

PIECE = 1024 * 1024  # bytes read at once of a file that is uploaded


@dataclass(frozen=True)
class Refused:
    """A file that was not taken in."""

    name: str
    error: TidemarkError


@router.get("/documents")
@needs(Right.READ)
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
    restored: int = 0,
) -> HTMLResponse:
    asked = Asked(name.strip(), sort, order, offset)
    notice = _notice(received, unchanged, deleted, restored)
    return _show(request, services, chosen, asked, notice=notice, just_deleted=deleted > 0)


@router.post("/documents")
@needs(Right.WRITE)
def upload(
    request: Request,
    services: Wired,
    base_name: Annotated[str, Form(alias="knowledge-base")],
    files: Annotated[tuple[UploadFile, ...], File()] = (),
    tags: Annotated[str, Form()] = "",
) -> Response:
    """Take files in from a plain form; those that are refused are told on the page, by name."""
    base = services.knowledge_bases.get(base_name)
    if not files:
        raise InvalidRequest("No file was chosen.", remedy="Choose files, then upload them.")
    labels = checked_labels(tags_in(tags), {})
    refused: list[Refused] = []
    receipts = []
    for file in files:
        name = file_name(file)
        try:
            content = iter(partial(file.file.read, PIECE), b"")
            receipts.append(services.uploads.receive(base, document_name(name), content, labels))
        except TidemarkError as error:
            refused.append(Refused(name, error))
    wake_worker(request)
    unchanged = sum(receipt.unchanged for receipt in receipts)
    received = len(receipts) - unchanged
    if not refused:
        numbers = (("received", received), ("unchanged", unchanged or None))
        shown = address("/documents", ("knowledge-base", base.name), *numbers)
        return RedirectResponse(shown, status_code=303)
    return refused_page(request, services, base.name, tuple(refused), _notice(received, unchanged))


@router.post("/documents/estimate")
@needs(Right.WRITE)
def estimate_page(
    request: Request,
    services: Wired,
    base_name: Annotated[str, Form(alias="knowledge-base")],
    files: Annotated[tuple[UploadFile, ...], File()] = (),
) -> HTMLResponse:
    """What embedding files of a plain form would cost; browsers do not keep them chosen."""
    base, request.state.deed = services.knowledge_bases.get(base_name), None
    if not files:
        raise InvalidRequest("No file was chosen.", remedy="Choose files, then ask again.")
    notice = f"{_cost(estimated(services, base, files))} Nothing was uploaded."
    return _show(request, services, choose(services, base.name), Asked(), notice=notice)


def refused_page(
    request: Request,
    services: Services,
    base_name: str,
    refused: tuple[Refused, ...],
    notice: str = "",
) -> HTMLResponse:
    """The documents, with what was not taken in and why."""
    return _show(
        request,
        services,
        choose(services, base_name),
        Asked(),
        notice=notice,
        refused=refused,
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
    just_deleted: bool = False,
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
        table=table(services, base, asked, uploads),
        uploads=uploads,
        reading=sum(not upload.ended for upload in uploads),
        pace=pace_in_words(services.pace_meter.measure(base.id)) if uploads else "",
        failures=sum(upload.failed for upload in uploads),
        failures_page=address("/documents/failures", ("knowledge-base", base.name)),
        addresses=in_short(services, chosen),
        addresses_page=address("/documents/addresses", ("knowledge-base", base.name)),
        refused=refused,
        notice=notice,
        price=price_in_words(services.estimator.price_of(base)),
        limit=size(services.settings.max_upload_mb * 1_000_000),
        just_deleted=just_deleted,
        kept=kept_for(services.settings.keep_deleted_days),
        deleted=services.restoration.count(base),
        deleted_page=address("/documents/deleted", ("knowledge-base", base.name)),
        handbook=len(handbook()),
        here=asked.address(base.name),
    )


def _notice(received: int | None, unchanged: int, deleted: int = 0, restored: int = 0) -> str:
    """What the last action did, in a sentence."""
    said = []
    if received and received > 0:
        said.append(f"{count(received, 'file')} taken in.")
    if unchanged > 0:
        is_are = "is" if unchanged == 1 else "are"
        said.append(f"{count(unchanged, 'file')} {is_are} here already with the same bytes.")
    if deleted > 0:
        said.append(f"{count(deleted, 'document')} deleted.")
    if restored > 0:
        said.append(f"{count(restored, 'document')} brought back.")
    return " ".join(said)


def price_in_words(asked: float | None) -> str:
    """What a million tokens cost; nothing where they cost nothing."""
    if asked == 0:
        return ""
    return "an unknown price" if asked is None else f"{dollars(asked)} a million tokens"


def _cost(found: EstimateReply) -> str:
    cost = "at an unknown price" if found.cost is None else f"for at most {dollars(found.cost)}"
    files = count(found.files, "file")
    said = f"{files} with {found.tokens:,} tokens would be embedded by {found.model}, {cost}."
    if found.unchanged:
        said += f" {found.unchanged:,} unchanged."
    if found.unreadable:
        said += f" {found.unreadable:,} cannot be read."
    return said if found.suffices else f"{said} Today's budget does not suffice."
