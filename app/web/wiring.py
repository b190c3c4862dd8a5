"""What endpoints are given: the services, and the knowledge base that an address names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Path, Request

from app.access.rights import Sight
from app.documents.model import KnowledgeBase
from app.errors import DatabaseUnavailable, InvalidRequest
from app.services import Services


def all_services(request: Request) -> Services:
    """The services as they are, for what decides what a caller may see of them."""
    wired: Services | None = request.app.state.services
    if wired is None:
        raise DatabaseUnavailable(
            "Tidemark is still starting.", remedy="Wait a few seconds and try again."
        )
    return wired


async def services(request: Request) -> Services:
    """The services in which only that is there which the caller may see.

    `app/web/access.py` decides it, before any endpoint is asked. `async` although it waits for
    nothing: else a thread would be asked for it on each request.
    """
    sight: Sight = request.state.sight
    return all_services(request).seen_by(sight)


Wired = Annotated[Services, Depends(services)]


async def well_formed(request: Request) -> None:
    """Refuse an address that is not UTF-8: its bad bytes would become "\ufffd" without a word."""
    try:
        unquote_to_bytes(request.scope["query_string"]).decode()
        unquote_to_bytes(request.scope.get("raw_path") or b"").decode()
    except UnicodeDecodeError:
        raise InvalidRequest(
            "The address has bytes that are not UTF-8.",
            remedy="Write it in UTF-8, percent-encoded; lone surrogates cannot be.",
        ) from None


KnowledgeBaseName = Annotated[
    str, Path(description="The knowledge base's name.", examples=["handbook"])
]


def readable_knowledge_base(name: KnowledgeBaseName, services: Wired) -> KnowledgeBase:
    return services.knowledge_bases.get(name)


ReadableKnowledgeBase = Annotated[KnowledgeBase, Depends(readable_knowledge_base)]


def further_bases(
    services: Services, base: KnowledgeBase, names: Sequence[str]
) -> tuple[KnowledgeBase, ...]:
    """The knowledge bases of those names but `base`, each once.

    Raises:
        KnowledgeBaseNotFound: one of them is not there for the caller.
    """
    others = (name for name in dict.fromkeys(names) if name != base.name)
    return tuple(services.knowledge_bases.get(name) for name in others)


def wake_worker(request: Request) -> None:
    """Tell this process's worker, if it has one, that something waits in the queue."""
    if request.app.state.worker is not None:
        request.app.state.worker.wake()
