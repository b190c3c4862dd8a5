"""The pages of conversations: the list of one's own, and one that was shared by a link."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from app.access.rights import Right
from app.answering.feedback import LONGEST_CORRECTION, Feedback, Reason
from app.web.access import needs
from app.web.addresses import address
from app.web.pages.conversation_view import conversation_view
from app.web.pages.frame import frame, show
from app.web.pages.shared_links import LINKS
from app.web.pages.wording import When, when
from app.web.reader import Asker
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

LIST = "/conversations"


@router.get(LIST)
@needs(Right.ASK)
def conversations_page(
    request: Request,
    services: Wired,
    asker: Asker,
    q: Annotated[str, Query(max_length=200)] = "",
    deleted: int | None = None,
) -> Response:
    """The reader's conversations, the last used first, found by words of a title or question."""
    found = services.conversations.list(asker.owner, q)
    manages = replace(services.sight, needed=Right.MANAGE.role).suffices
    bases = (base.name for base, _ in services.knowledge_bases.list() if manages(base.id))
    managed = next(bases, None)
    used: list[tuple[object, When]] = [(one, when(one.updated_at)) for one in found]
    page = show(
        request,
        "conversations.html",
        frame("Conversations", LIST, None, address("/api/conversations", ("q", q))),
        conversations=used,
        q=q,
        deleted=deleted,
        links=address(LINKS, ("knowledge-base", managed)) if managed else None,
    )
    asker.keep(page)
    return page


@router.post(LIST + "/{conversation_id}")
@needs(Right.ASK)
def change(
    conversation_id: int,
    services: Wired,
    asker: Asker,
    do: Annotated[str, Form()],
    title: Annotated[str, Form()] = "",
) -> Response:
    """Rename, delete or restore a conversation, without scripts."""
    store, deleted = services.conversations, None
    if do == "rename":
        store.rename(asker.owner, conversation_id, title)
    elif do == "delete":
        store.delete(asker.owner, conversation_id)
        deleted = conversation_id
    elif do == "restore":
        store.restore(asker.owner, conversation_id)
    elif do == "revoke":
        store.revoke(asker.owner, conversation_id)
    return RedirectResponse(address(LIST, ("deleted", deleted)), 303)


@router.post("/turns/{turn_id}/feedback")
@needs(Right.ASK)
def give_feedback(
    turn_id: int,
    services: Wired,
    asker: Asker,
    *,
    good: Annotated[bool, Form()],
    reason: Annotated[Reason, Form()] = "",
    correction: Annotated[str, Form(max_length=LONGEST_CORRECTION)] = "",
) -> Response:
    """Say whether an answer is good, and if not, why."""
    services.feedback.give(asker.owner, turn_id, Feedback(good, reason, correction))
    turn = services.conversations.turn(asker.owner, turn_id)
    shown = address("/ask", ("conversation", turn.conversation_id), ("turn", turn_id))
    return RedirectResponse(f"{shown}#turn-{turn_id}", 303)


@router.get("/shared/{token}")
@needs(Right.OPEN)
def shared_page(request: Request, services: Wired, token: str) -> Response:
    """A conversation as whoever has its link reads it: nothing can be asked or changed."""
    conversation, turns = services.conversations.shared(token)
    page = show(
        request,
        "shared.html",
        frame(conversation.title, "/shared", None, "/api/knowledge-bases"),
        conversation=conversation_view(conversation, turns, None),
    )
    page.headers["x-robots-tag"] = "noindex"
    page.headers["referrer-policy"] = "no-referrer"  # the link is a secret
    return page
