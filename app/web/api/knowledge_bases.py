"""Knowledge bases: which there are, making one, deleting one."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, status
from pydantic import Field

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.web.access import needs
from app.web.api.shape import Shape, errors
from app.web.wiring import KnowledgeBaseName, ReadableKnowledgeBase, Wired

router = APIRouter(prefix="/knowledge-bases", tags=["Knowledge bases"])


class KnowledgeBaseShape(Shape):
    """A named collection of documents."""

    name: str = Field(examples=["handbook"])
    created_at: datetime
    documents: int = Field(examples=[42])
    """How many documents it has, those included whose first ingest has not ended."""
    chunks: int = Field(examples=[1310])
    """How many chunks a search looks through."""
    paused: bool = False
    """Whether what is uploaded waits until the knowledge base is resumed."""


class KnowledgeBaseSummary(Shape):
    """A knowledge base in a list."""

    name: str = Field(examples=["handbook"])
    created_at: datetime
    readable_documents: int = Field(examples=[42])
    """How many of its documents can be read and searched."""


class KnowledgeBaseList(Shape):
    knowledge_bases: tuple[KnowledgeBaseSummary, ...]


class NewKnowledgeBase(Shape):
    name: str = Field(examples=["handbook"])
    """1 to 64 lower-case letters, digits, dots, dashes and underscores."""


@router.get("", responses=errors(503))
@needs(Right.READ)
def list_knowledge_bases(services: Wired) -> KnowledgeBaseList:
    """Every knowledge base, by name."""
    return KnowledgeBaseList(
        knowledge_bases=tuple(
            KnowledgeBaseSummary(
                name=base.name, created_at=base.created_at, readable_documents=documents
            )
            for base, documents in services.knowledge_bases.list()
        )
    )


@router.post("", status_code=status.HTTP_201_CREATED, responses=errors(409, 422, 503))
@needs(Right.ADMIN)
def create_knowledge_base(asked: NewKnowledgeBase, services: Wired) -> KnowledgeBaseShape:
    """Make an empty knowledge base."""
    base = services.knowledge_bases.create(asked.name)
    return KnowledgeBaseShape(name=base.name, created_at=base.created_at, documents=0, chunks=0)


@router.get("/{name}", responses=errors(404, 503))
@needs(Right.READ)
def read_knowledge_base(base: ReadableKnowledgeBase, services: Wired) -> KnowledgeBaseShape:
    """One knowledge base, and how much is in it."""
    return KnowledgeBaseShape(
        name=base.name,
        created_at=base.created_at,
        documents=services.documents.count(base.id),
        chunks=_chunks(base, services),
        paused=base.paused,
    )


@router.delete("/{name}", status_code=status.HTTP_204_NO_CONTENT, responses=errors(404, 503))
@needs(Right.MANAGE)
def delete_knowledge_base(name: KnowledgeBaseName, services: Wired) -> None:
    """Take a knowledge base and all it owns out of sight at once; it is cleared within minutes."""
    services.knowledge_bases.delete(name)


def _chunks(base: KnowledgeBase, services: Wired) -> int:
    if base.active_index_id is None:
        return 0
    return services.indexes.live_chunks(base.active_index_id)
