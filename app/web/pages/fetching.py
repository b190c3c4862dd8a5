"""Addresses on the pages: adding one, and looking again at the one a document came from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from app.access.rights import Right
from app.documents.labels import checked_labels
from app.errors import UnreadableDocument
from app.ingestion.uploads import Receipt
from app.web.access import needs
from app.web.addresses import address
from app.web.pages.documents import Refused, refused_page
from app.web.pages.labels import tags_in
from app.web.wiring import Wired, wake_worker

router = APIRouter(include_in_schema=False)


@router.post("/documents/url")
@needs(Right.WRITE)
def add_address(
    request: Request,
    services: Wired,
    base_name: Annotated[str, Form(alias="knowledge-base")],
    url: Annotated[str, Form()] = "",
    tags: Annotated[str, Form()] = "",
) -> Response:
    """Fetch an address; if it cannot be, the documents page says why."""
    base = services.knowledge_bases.get(base_name)
    labels = checked_labels(tags_in(tags), {})
    try:
        receipt = services.sources.add(base, url.strip(), labels)
    except UnreadableDocument as error:
        return refused_page(request, services, base.name, (Refused(url[:500], error),))
    return _shown(request, receipt, base.name)


@router.post("/documents/{document_id}/refetch")
@needs(Right.WRITE)
def refetch(request: Request, services: Wired, document_id: int) -> Response:
    """Look whether the address that a document came from has something new."""
    document = services.documents.get(document_id)
    base = services.knowledge_bases.by_id(document.knowledge_base_id)
    try:
        receipt = services.sources.refetch(document_id)
    except UnreadableDocument as error:
        return refused_page(request, services, base.name, (Refused(document.name, error),))
    return _shown(request, receipt, base.name)


def _shown(request: Request, receipt: Receipt, base: str) -> RedirectResponse:
    if not receipt.unchanged:
        wake_worker(request)
    what = "unchanged" if receipt.unchanged else "received"
    shown = address("/documents", ("knowledge-base", base), (what, 1))
    return RedirectResponse(shown, status_code=303)
