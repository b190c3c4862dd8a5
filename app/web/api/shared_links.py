"""Shared links, for whoever administers a knowledge base: which there are, and ending one."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from app.access.callers import identity_of
from app.access.digest import digest
from app.access.rights import Right
from app.answering.conversation import SharedLink
from app.documents.model import KnowledgeBase
from app.services import Services
from app.web.access import needs
from app.web.api.conversations import ConversationId
from app.web.api.shape import Shape, errors
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(prefix="/knowledge-bases/{name}/shared", tags=["Conversations"])


class SharedLinkShape(Shape):
    """A link by which anyone who has it can read a conversation."""

    conversation: int = Field(examples=[5])
    title: str = Field(examples=["When does the tide turn?"])
    by: str | None = Field(examples=["ben"])
    """The user whose conversation it is; null where a key or a browser is all that is known."""
    may_read: bool
    """Whether that user may still read the knowledge base."""
    used_at: datetime
    """When something was last asked in the conversation."""


class SharedLinkList(Shape):
    """The links, the last used first."""

    links: tuple[SharedLinkShape, ...]


@router.get("", responses=errors(404, 503))
@needs(Right.MANAGE)
def list_shared_links(base: ReadableKnowledgeBase, services: Wired) -> SharedLinkList:
    """The links to conversations with a knowledge base, whoever made them."""
    return SharedLinkList(links=shared_links(services, base))


@router.delete("/{conversation_id}", status_code=204, responses=errors(404, 503))
@needs(Right.MANAGE)
def end_shared_link(
    base: ReadableKnowledgeBase, conversation_id: ConversationId, services: Wired
) -> None:
    """Let the link to a conversation show nothing from now on, whoever made it."""
    services.conversations.end_link(base, conversation_id)


def shared_links(services: Services, base: KnowledgeBase) -> tuple[SharedLinkShape, ...]:
    """The links, with the names of those who are known to have made them."""
    links = services.conversations.links(base)
    if not links:
        return ()
    # Of an owner nothing is kept but a hash.
    users = {digest(identity_of(user.id)): user for user in services.users.list()}
    grants = services.users.grants()

    def shape_of(link: SharedLink) -> SharedLinkShape:
        user = users.get(link.owner)
        return SharedLinkShape(
            conversation=link.conversation_id,
            title=link.title,
            by=None if user is None else user.name,
            may_read=user is not None
            and not user.disabled
            and (user.administrator or base.id in grants.get(user.id, {})),
            used_at=link.used_at,
        )

    return tuple(map(shape_of, links))
