"""Deleted documents: which can be brought back, and bringing one back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from app.access.rights import Right
from app.documents.names import document_name
from app.web.access import needs
from app.web.api.shape import LARGEST_ID, Shape, errors
from app.web.wiring import ReadableKnowledgeBase, Wired, wake_worker

router = APIRouter(prefix="/knowledge-bases/{name}/deleted", tags=["Documents"])

DeletedId = Annotated[
    int, Path(ge=1, le=LARGEST_ID, description="The deleted document's id.", examples=[12])
]


class DeletedShape(Shape):
    """A deleted document."""

    id: int = Field(examples=[12])
    name: str = Field(examples=["guides/harbour.pdf"])
    deleted_at: datetime
    kept_until: datetime
    """Until then it can be brought back."""


class DeletedList(Shape):
    """One page of the deleted documents, those deleted last first."""

    documents: tuple[DeletedShape, ...]
    total: int = Field(examples=[2])
    offset: int = Field(examples=[0])
    limit: int = Field(examples=[100])


class RestoreBody(Shape):
    """How a document is brought back."""

    as_name: str | None = Field(default=None, examples=["guides/harbour-old.pdf"])
    """Another name for it, where its own is taken by now."""


class RestoredShape(Shape):
    """A document that is there again."""

    id: int = Field(examples=[12])
    name: str = Field(examples=["guides/harbour.pdf"])
    job_ids: tuple[int, ...] = Field(examples=[[31]])
    """The jobs that put it back into searches; none where they find it at once."""


@router.get("", responses=errors(404, 422, 503))
@needs(Right.READ)
def list_deleted(
    base: ReadableKnowledgeBase,
    services: Wired,
    offset: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DeletedList:
    """The documents of a knowledge base that were deleted and can be brought back."""
    deleted = services.restoration.deleted(base, offset=offset, limit=limit)
    return DeletedList(
        documents=tuple(
            DeletedShape(
                id=each.id, name=each.name, deleted_at=each.deleted_at, kept_until=each.kept_until
            )
            for each in deleted
        ),
        total=services.restoration.count(base),
        offset=offset,
        limit=limit,
    )


@router.post("/{deleted_id}/restore", responses=errors(403, 404, 409, 422, 503))
@needs(Right.WRITE)
def restore_document(
    base: ReadableKnowledgeBase,
    deleted_id: DeletedId,
    services: Wired,
    request: Request,
    body: RestoreBody | None = None,
) -> RestoredShape:
    """Bring a deleted document back as it was, with its revisions, tags and metadata."""
    name = None if body is None or body.as_name is None else document_name(body.as_name)
    restored = services.restoration.restore(base, deleted_id, name)
    wake_worker(request)
    return RestoredShape(
        id=restored.document_id, name=restored.document_name, job_ids=restored.job_ids
    )
