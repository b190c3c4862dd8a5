"""Shared links, for whoever administers a knowledge base: which there are, and ending one."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.access.rights import Right
from app.errors import ConversationNotFound
from app.web.access import needs
from app.web.addresses import address, api_address
from app.web.api.shape import LARGEST_ID
from app.web.api.shared_links import shared_links
from app.web.pages.frame import ChosenBase, frame, show
from app.web.pages.wording import when
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

LINKS = "/conversations/shared"


@router.get(LINKS)
@needs(Right.MANAGE)
def shared_links_page(
    request: Request, services: Wired, chosen: ChosenBase, *, ended: int = 0
) -> HTMLResponse:
    """The links to conversations with a knowledge base, whoever made them."""
    base = chosen.base
    return show(
        request,
        "shared-links.html",
        frame("Shared links", LINKS, base.name, api_address(base.name, "shared")),
        chosen=chosen,
        links=tuple((link, when(link.used_at)) for link in shared_links(services, base)),
        ended=ended,
    )


@router.post(LINKS)
@needs(Right.MANAGE)
def end_link(
    services: Wired,
    base_name: Annotated[str, Form(alias="knowledge-base")],
    conversation: Annotated[int, Form(ge=1, le=LARGEST_ID)],
) -> RedirectResponse:
    """End a link; one that was ended meanwhile is no error."""
    base = services.knowledge_bases.get(base_name)
    with suppress(ConversationNotFound):
        services.conversations.end_link(base, conversation)
    shown = address(LINKS, ("knowledge-base", base.name), ("ended", 1))
    return RedirectResponse(shown, status_code=303)
