"""Documents: which there are, what is known of one, deleting one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import Field

from app.access.rights import Right
from app.documents.labels import Labels, checked_labels
from app.documents.model import Document, Revision
from app.documents.names import document_name
from app.ingestion.fetching import Source
from app.web.access import needs
from app.web.api.shape import LARGEST_ID, DocumentId, Shape, errors
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(tags=["Documents"])

MOST_DOCUMENTS = 1000  # in one reply


class RevisionShape(Shape):
    """An immutable state of a document."""

    id: int = Field(examples=[14])
    number: int = Field(examples=[2])
    """Counted from 1 in its document."""
    content_hash: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c1…"])
    """SHA-256 of the original's bytes, in hexadecimal."""
    size: int = Field(examples=[48213])
    """The original's bytes."""
    media_type: str = Field(examples=["application/pdf"])
    title: str | None = Field(examples=["The harbour's guide"])
    parser: str | None = Field(examples=["pdf 1"])
    """What read the text out of it, with its version."""
    characters: int | None = Field(examples=[31250])
    """The length of its text."""
    created_at: datetime

    @classmethod
    def of(cls, revision: Revision) -> RevisionShape:
        return cls(
            id=revision.id,
            number=revision.number,
            content_hash=revision.content_hash,
            size=revision.size,
            media_type=revision.media_type,
            title=revision.title,
            parser=revision.parser,
            characters=revision.characters,
            created_at=revision.created_at,
        )


class SourceShape(Shape):
    """The address that a document was fetched from."""

    url: str = Field(examples=["https://example.com/harbour"])
    fetched_at: datetime
    """When it was looked at last."""

    @classmethod
    def of(cls, source: Source | None) -> SourceShape | None:
        return None if source is None else cls(url=source.url, fetched_at=source.fetched_at)


class DocumentShape(Shape):
    """One source, known by its name in its knowledge base."""

    id: int = Field(examples=[12])
    name: str = Field(examples=["guides/harbour.pdf"])
    created_at: datetime
    updated_at: datetime
    revision: RevisionShape | None
    """The revision that readers see; null until the first ingest has ended."""
    tags: tuple[str, ...] = Field(examples=[["tides", "2026"]])
    metadata: dict[str, str] = Field(examples=[{"author": "A. Shore"}])
    source: SourceShape | None
    """Where it was fetched from; null if it was uploaded."""
    url: str = Field(examples=["/documents/12"])
    """The page that shows it."""

    @classmethod
    def of(
        cls,
        document: Document,
        revision: Revision | None,
        labels: Labels,
        source: Source | None,
    ) -> DocumentShape:
        return cls(
            id=document.id,
            name=document.name,
            created_at=document.created_at,
            updated_at=document.updated_at,
            revision=None if revision is None else RevisionShape.of(revision),
            tags=labels.tags,
            metadata=dict(labels.metadata),
            source=SourceShape.of(source),
            url=f"/documents/{document.id}",
        )


class DocumentList(Shape):
    """One page of a knowledge base's documents, by name."""

    documents: tuple[DocumentShape, ...]
    total: int = Field(examples=[42])
    offset: int = Field(examples=[0])
    limit: int = Field(examples=[100])


@router.get("/knowledge-bases/{name}/documents", responses=errors(404, 422, 503))
@needs(Right.READ)
def list_documents(
    base: ReadableKnowledgeBase,
    services: Wired,
    offset: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_DOCUMENTS)] = 100,
) -> DocumentList:
    """Documents of a knowledge base, by name, those still waiting for their ingest included."""
    listed = services.documents.list(base.id, offset=offset, limit=limit)
    ids = [document.id for document, _ in listed]
    labels = services.documents.labels(ids)
    sources = services.sources.of(ids)
    return DocumentList(
        documents=tuple(
            DocumentShape.of(document, revision, labels[document.id], sources.get(document.id))
            for document, revision in listed
        ),
        total=services.documents.count(base.id),
        offset=offset,
        limit=limit,
    )


@router.get("/documents/{document_id}", responses=errors(404, 422, 503))
@needs(Right.READ)
def read_document(document_id: DocumentId, services: Wired) -> DocumentShape:
    """One document, with the revision that readers see."""
    document = services.documents.get(document_id)
    labels = services.documents.labels([document_id])[document_id]
    source = services.sources.of([document_id]).get(document_id)
    if document.current_revision_id is None:
        return DocumentShape.of(document, None, labels, source)
    return DocumentShape.of(document, services.documents.revision(document_id), labels, source)


class DocumentChange(Shape):
    """What is to be different."""

    name: str | None = Field(default=None, examples=["guides/harbour-2026.pdf"])
    """Its name from now on."""


@router.patch("/documents/{document_id}", responses=errors(403, 404, 409, 422, 503))
@needs(Right.WRITE)
def change_document(
    document_id: DocumentId, body: DocumentChange, services: Wired
) -> DocumentShape:
    """Give a document another name; it stays the same document, with its revisions and labels."""
    if body.name is not None:
        services.renaming.rename(document_id, document_name(body.name))
    return read_document(document_id, services)


class LabelsBody(Shape):
    """A document's tags and metadata, whole: what is left out is taken away."""

    tags: tuple[str, ...] = Field(default=(), examples=[["tides", "2026"]])
    metadata: dict[str, str] = Field(default={}, examples=[{"author": "A. Shore"}])


@router.put("/documents/{document_id}/labels", responses=errors(403, 404, 422, 503))
@needs(Right.WRITE)
def set_labels(document_id: DocumentId, body: LabelsBody, services: Wired) -> LabelsBody:
    """Give a document its tags and metadata, in place of those that it has; searches see them
    at once."""
    labels = checked_labels(body.tags, body.metadata)
    services.documents.set_labels(document_id, labels)
    return LabelsBody(tags=labels.tags, metadata=dict(labels.metadata))


@router.delete(
    "/documents/{document_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=errors(404, 422, 503),
)
@needs(Right.WRITE)
def delete_document(document_id: DocumentId, services: Wired) -> None:
    """Take a document out of sight and out of every search, at once.

    It can be brought back for some days: see `/api/knowledge-bases/{name}/deleted`.
    """
    services.deletion.delete(document_id)
