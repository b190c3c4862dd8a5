"""The page that describes the API, made from its OpenAPI document: no script, no other host."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.web.access import needs
from app.web.api.described import groups
from app.web.pages.frame import frame, show

router = APIRouter(include_in_schema=False)


@router.get("/docs")
@needs(Right.OPEN)
def reference_page(request: Request) -> HTMLResponse:
    address = str(request.base_url).rstrip("/")
    around = frame("API", "/docs", None, "/api/openapi.json")
    described = groups(request.app.openapi(), address)
    return show(request, "api.html", around, groups=described, address=address)
