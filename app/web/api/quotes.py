"""A citation's quote: the page it stands on, as it looks, and what became of it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from app.access.rights import Right
from app.documents.quotes import QuotedPlace, quoted_place
from app.errors import InvalidRequest
from app.web.access import needs
from app.web.addresses import address, stretch_address
from app.web.api.contents import Offset, RevisionId
from app.web.api.documents import RevisionShape
from app.web.api.shape import DocumentId, Shape, errors
from app.web.wiring import Wired

router = APIRouter(prefix="/documents/{document_id}", tags=["Documents"])

PDF = "application/pdf"


class NewerShape(Shape):
    """The document's current revision, which is not the one that was quoted."""

    revision: RevisionShape
    still_there: bool
    """Whether the quote's words stand in it."""
    url: str = Field(examples=["/documents/12?revision=15&start=18310&end=18333#passage"])
    """The page that shows it, at the quote if that still stands there."""


class QuoteReply(Shape):
    """A quote in the revision that was read."""

    revision: RevisionShape
    text: str = Field(examples=["The tide turns at noon."])
    page: int | None = Field(examples=[7])
    picture: str | None = Field(examples=["/api/documents/12/page?revision=14&start=18200&end=1"])
    """The page as it looks, as a PNG with the quote boxed; null unless the document is a PDF."""
    newer: NewerShape | None
    """Null while the revision that was read is the current one."""

    @classmethod
    def of(cls, place: QuotedPlace, start: int, end: int) -> QuoteReply:
        newer, document_id = place.newer, place.revision.document_id
        return cls(
            revision=RevisionShape.of(place.revision),
            text=place.text,
            page=place.page,
            picture=picture_address(place, start, end),
            newer=newer
            and NewerShape(
                revision=RevisionShape.of(newer.revision),
                still_there=newer.at is not None,
                url=stretch_address(document_id, newer.revision.id, *newer.at)
                if newer.at
                else f"/documents/{document_id}",
            ),
        )


def picture_address(place: QuotedPlace, start: int, end: int) -> str | None:
    """Where the quote's page is drawn, of a document whose pages can be."""
    revision = place.revision
    if revision.media_type != PDF or place.page is None:
        return None
    return address(
        f"/api/documents/{revision.document_id}/page",
        ("revision", revision.id),
        ("start", start),
        ("end", end),
    )


@router.get("/quote", responses=errors(404, 422, 503))
@needs(Right.READ)
def read_quote(
    document_id: DocumentId,
    services: Wired,
    revision: RevisionId = None,
    start: Offset = None,
    end: Offset = None,
) -> QuoteReply:
    """The words `[start, end)` of a revision, and whether they stand in the current one."""
    first, last = start or 0, end or 0
    place = quoted_place(services.documents, document_id, revision, first, last)
    return QuoteReply.of(place, first, last)


@router.get(
    "/page",
    response_class=Response,
    responses={
        **errors(404, 422, 503),
        200: {"description": "The page, as a picture.", "content": {"image/png": {}}},
    },
)
@needs(Right.READ)
def draw_page(
    document_id: DocumentId,
    services: Wired,
    revision: RevisionId = None,
    start: Offset = None,
    end: Offset = None,
) -> Response:
    """The page of a PDF on which the words `[start, end)` begin, as it looks, with them boxed."""
    place = quoted_place(services.documents, document_id, revision, start or 0, end or 0)
    if place.revision.media_type != PDF or place.page is None:
        raise InvalidRequest(
            "Only the pages of a PDF can be drawn.", remedy="Read the text instead."
        )
    data = b"".join(services.documents.original(place.revision))
    picture = services.pictures.draw(data, place.page, place.text)
    # A revision never changes, and neither does its picture.
    return Response(
        picture.png,
        media_type="image/png",
        headers={"cache-control": "private, max-age=86400, immutable"},
    )
