"""Tidemark's own handbook, for those who have nothing at hand to search."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse

from app.access.rights import Right
from app.config import project_folder
from app.web.access import needs
from app.web.addresses import address
from app.web.wiring import Wired, wake_worker

router = APIRouter(include_in_schema=False)


@cache
def handbook() -> tuple[Path, ...]:
    """The handbook's files: the user documentation that comes with Tidemark."""
    return tuple(sorted((project_folder() / "docs").glob("*.md")))


@router.post("/sample")
@needs(Right.WRITE)
def load_sample(
    request: Request,
    services: Wired,
    name: Annotated[str, Form(alias="knowledge-base")],
) -> RedirectResponse:
    """Upload the handbook into the knowledge base; again is harmless."""
    base = services.knowledge_bases.get(name)
    for page in handbook():
        services.uploads.receive(base, page.name, [page.read_bytes()])
    wake_worker(request)
    shown = address("/documents", ("knowledge-base", name), ("received", len(handbook())))
    return RedirectResponse(shown, status_code=303)
