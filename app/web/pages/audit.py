"""The log of who did what, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.web.access import needs
from app.web.addresses import address
from app.web.pages.frame import frame, show
from app.web.pages.wording import when
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

A_PAGE = 100
Before = Annotated[int | None, Query(ge=1, le=2**53)]


@router.get("/audit")
@needs(Right.ADMIN)
def audit_page(request: Request, services: Wired, before: Before = None) -> HTMLResponse:
    deeds = services.audit.latest(A_PAGE, before)
    return show(
        request,
        "audit.html",
        frame("Who did what", "/audit", None, address("/audit.json", ("before", before))),
        deeds=[(deed, when(deed.at), deed.action.replace("_", " ")) for deed in deeds],
        earlier=address("/audit", ("before", deeds[-1].id)) if len(deeds) == A_PAGE else None,
    )


@router.get("/audit.json")
@needs(Right.ADMIN)
def audit_as_data(services: Wired, before: Before = None) -> dict[str, list[dict[str, object]]]:
    """The same as data."""
    return {
        "deeds": [
            {
                "id": deed.id,
                "at": deed.at.isoformat(),
                "actor": deed.actor,
                "action": deed.action,
                "subject": deed.subject,
                "address": deed.address,
            }
            for deed in services.audit.latest(A_PAGE, before)
        ]
    }
