"""Deleted documents that can be brought back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.access.rights import Right
from app.documents.names import document_name
from app.web.access import needs
from app.web.addresses import address, api_address
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.wording import When, count, when
from app.web.wiring import Wired, wake_worker

router = APIRouter(include_in_schema=False)

ROWS = 50


@dataclass(frozen=True)
class Row:
    id: int
    name: str
    deleted: When
    until: str


@router.get("/documents/deleted")
@needs(Right.READ)
def deleted_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> HTMLResponse:
    base = chosen.base
    found = services.restoration.deleted(base, offset=offset, limit=ROWS)
    total = services.restoration.count(base)

    def at(place: int) -> str:
        parameters = (("knowledge-base", base.name), ("offset", place or None))
        return address("/documents/deleted", *parameters)

    return show(
        request,
        "deleted.html",
        frame("Deleted documents", "/documents", base.name, api_address(base.name, "deleted")),
        chosen=chosen,
        days=count(services.settings.keep_deleted_days, "day"),
        keeps=services.settings.keep_deleted_days > 0,
        rows=tuple(
            Row(
                each.id, each.name, when(each.deleted_at), f"{each.kept_until:%-d %B %Y, %H:%M} UTC"
            )
            for each in found
        ),
        summary=count(total, "document"),
        earlier=at(max(0, offset - ROWS)) if offset else None,
        later=at(offset + len(found)) if offset + len(found) < total else None,
        back=address("/documents", ("knowledge-base", base.name)),
    )


@router.post("/documents/deleted")
@needs(Right.WRITE)
def restore(
    request: Request,
    services: Wired,
    base_name: Annotated[str, Form(alias="knowledge-base")],
    deleted: Annotated[int, Form(ge=1)],
    name: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Bring a document back, under another name if one is given, and show the documents."""
    base = services.knowledge_bases.get(base_name)
    as_name = document_name(name) if name.strip() else None
    services.restoration.restore(base, deleted, as_name)
    wake_worker(request)
    shown = address("/documents", ("knowledge-base", base.name), ("restored", 1))
    return RedirectResponse(shown, status_code=303)
