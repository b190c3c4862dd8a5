"""What endpoints are given: the services, and the knowledge base that an address names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from app.documents.model import KnowledgeBase
from app.errors import DatabaseUnavailable
from app.services import Services


def services(request: Request) -> Services:
    wired: Services | None = request.app.state.services
    if wired is None:
        raise DatabaseUnavailable(
            "Tidemark is still starting.", remedy="Wait a few seconds and try again."
        )
    return wired


Wired = Annotated[Services, Depends(services)]


def readable_knowledge_base(name: str, services: Wired) -> KnowledgeBase:
    return services.knowledge_bases.get(name)


ReadableKnowledgeBase = Annotated[KnowledgeBase, Depends(readable_knowledge_base)]


def wake_worker(request: Request) -> None:
    """Tell this process's worker, if it has one, that something waits in the queue."""
    if request.app.state.worker is not None:
        request.app.state.worker.wake()
