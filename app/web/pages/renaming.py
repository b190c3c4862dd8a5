"""Giving a document another name, on its page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse

from app.access.rights import Right
from app.documents.names import document_name
from app.web.access import needs
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)


@router.post("/documents/{document_id}/name")
@needs(Right.WRITE)
def rename(
    services: Wired, document_id: int, name: Annotated[str, Form()] = ""
) -> RedirectResponse:
    """Let this be the document's name from now on."""
    services.renaming.rename(document_id, document_name(name))
    return RedirectResponse(f"/documents/{document_id}", status_code=303)
