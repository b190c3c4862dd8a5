"""Deleting documents, in two steps: what would go is named before it goes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.access.rights import Right
from app.errors import DocumentNotFound
from app.web.access import needs
from app.web.addresses import address
from app.web.pages.frame import frame, show
from app.web.pages.wording import kept_for
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)


@router.get("/documents/delete")
@needs(Right.WRITE)
def ask_before_deleting(
    request: Request,
    services: Wired,
    document: Annotated[tuple[int, ...], Query(max_length=200)] = (),
) -> HTMLResponse:
    documents = tuple(services.documents.get(each) for each in document)
    base = None
    if documents:
        base = services.knowledge_bases.by_id(documents[0].knowledge_base_id).name
    return show(
        request,
        "delete.html",
        frame("Delete", "/documents", base, "/api/knowledge-bases"),
        documents=documents,
        kept=kept_for(services.settings.keep_deleted_days),
        back=address("/documents", ("knowledge-base", base)),
    )


@router.post("/documents/delete")
@needs(Right.WRITE)
def delete(services: Wired, document: Annotated[list[int], Form()]) -> RedirectResponse:
    """Delete the documents; one that somebody else deleted meanwhile is no error."""
    base, deleted = None, 0
    for each in document:
        try:
            found = services.documents.get(each)
            base = services.knowledge_bases.by_id(found.knowledge_base_id).name
            services.deletion.delete(each)
            deleted += 1
        except DocumentNotFound:
            continue
    shown = address("/documents", ("knowledge-base", base), ("deleted", deleted or None))
    return RedirectResponse(shown, status_code=303)
