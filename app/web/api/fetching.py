"""Addresses of the web: fetched, and what is there becomes revisions of documents."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response, status
from pydantic import Field

from app.access.rights import Right
from app.documents.labels import checked_labels
from app.ingestion.uploads import Receipt
from app.web.access import needs
from app.web.api.shape import DocumentId, Shape, errors, reply
from app.web.api.uploads import UploadedFile
from app.web.wiring import ReadableKnowledgeBase, Wired, wake_worker

router = APIRouter(tags=["Documents"])


class AddressBody(Shape):
    """What is to be fetched."""

    url: str = Field(examples=["https://example.com/harbour"])
    tags: tuple[str, ...] = Field(default=(), examples=[["tides"]])
    metadata: dict[str, str] = Field(default={}, examples=[{"author": "A. Shore"}])


@router.post(
    "/knowledge-bases/{name}/urls",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=UploadedFile,
    responses=errors(403, 404, 413, 422, 502, 503),
)
@needs(Right.WRITE)
def add_address(
    base: ReadableKnowledgeBase, body: AddressBody, services: Wired, request: Request
) -> Response:
    """Fetch a page or a file, and take it in as an upload would be.

    The document is named for the address. What has been fetched from it before is only fetched
    again if it has changed. Addresses that are not on the public internet are refused.
    """
    labels = checked_labels(body.tags, body.metadata)
    return _told(services.sources.add(base, body.url, labels), request)


@router.post(
    "/documents/{document_id}/refetch",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=UploadedFile,
    responses=errors(403, 404, 413, 422, 502, 503),
)
@needs(Right.WRITE)
def refetch_document(document_id: DocumentId, services: Wired, request: Request) -> Response:
    """Fetch the address that a document came from again, if it has changed."""
    return _told(services.sources.refetch(document_id), request)


def _told(receipt: Receipt, request: Request) -> Response:
    if not receipt.unchanged:
        wake_worker(request)
    told = UploadedFile(
        name=receipt.document_name,
        status="unchanged" if receipt.unchanged else "accepted",
        document_id=receipt.document_id,
        job_id=receipt.job_id,
    )
    return reply(told, status.HTTP_202_ACCEPTED)
