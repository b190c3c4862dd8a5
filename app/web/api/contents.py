"""What is in a document: its text, and the original as it was uploaded."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.access.rights import Right
from app.documents.model import Revision, Section
from app.errors import InvalidRequest
from app.web.access import needs
from app.web.api.documents import RevisionShape
from app.web.api.shape import LARGEST_ID, DocumentId, Shape, errors
from app.web.wiring import Wired

router = APIRouter(prefix="/documents/{document_id}", tags=["Documents"])

RevisionId = Annotated[
    int | None,
    Query(ge=1, le=LARGEST_ID, description="A revision's id; the current one unless given."),
]
Offset = Annotated[int | None, Query(ge=0, le=LARGEST_ID, description="In characters.")]

# Kinds that a browser shows without running anything of them on this site.
SHOWN = frozenset({"application/pdf"})
SAFE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'self'"
# A sandboxed PDF is not shown at all; what a PDF can run, it runs in its viewer's own box.
SHOWN_POLICY = "frame-ancestors 'self'"


class SectionShape(Shape):
    """A stretch `[start, end)` of the whole text under one heading path, on one page."""

    start: int = Field(examples=[18000])
    end: int = Field(examples=[20410])
    path: tuple[str, ...] = Field(examples=[["Tides", "Spring tides"]])
    page: int | None = Field(examples=[7])

    @classmethod
    def of(cls, section: Section) -> SectionShape:
        return cls(start=section.start, end=section.end, path=section.path, page=section.page)


class TextReply(Shape):
    """A revision's text, or a stretch of it."""

    document_id: int = Field(examples=[12])
    document_name: str = Field(examples=["guides/harbour.pdf"])
    revision: RevisionShape
    start: int = Field(examples=[18200])
    end: int = Field(examples=[18911])
    text: str = Field(examples=["The tide turns at noon on days of a new moon."])
    """The revision's characters `[start, end)`."""
    sections: tuple[SectionShape, ...]
    """The sections that the stretch lies in, whole."""


@router.get("/text", responses=errors(404, 422, 503))
@needs(Right.READ)
def read_text(
    document_id: DocumentId,
    services: Wired,
    revision: RevisionId = None,
    start: Offset = None,
    end: Offset = None,
) -> TextReply:
    """A document's text, or the characters `[start, end)` of it: offsets are those of passages."""
    document = services.documents.get(document_id)
    found, sections = services.documents.outline(document_id, revision)
    characters = found.characters or 0
    first = min(start or 0, characters)
    last = characters if end is None else min(end, characters)
    if last < first:
        raise InvalidRequest(
            f"The text cannot start at {start} and end at {end}.",
            remedy="Ask for an end that is not before the start.",
        )
    return TextReply(
        document_id=document.id,
        document_name=document.name,
        revision=RevisionShape.of(found),
        start=first,
        end=last,
        text=services.documents.stretch(found, first, last) if last > first else "",
        sections=tuple(SectionShape.of(s) for s in sections if s.start < last and s.end > first),
    )


@router.get(
    "/original",
    response_class=StreamingResponse,
    responses={
        **errors(404, 422, 503),
        200: {
            "description": "The bytes as they were uploaded.",
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
@needs(Right.READ)
def read_original(
    document_id: DocumentId, services: Wired, revision: RevisionId = None
) -> StreamingResponse:
    """The bytes as they were uploaded; a PDF to be shown, anything else to be kept as a file."""
    document = services.documents.get(document_id)
    found = services.documents.revision(document_id, revision)
    return StreamingResponse(
        services.documents.original(found),
        headers=original_headers(document.name, found),
    )


def original_headers(name: str, revision: Revision) -> dict[str, str]:
    """Headers under which nothing in a document can act as a page of this site."""
    shown = revision.media_type in SHOWN
    file_name = name.rpartition("/")[2]
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in file_name
    )
    return {
        "content-type": revision.media_type,  # given here, it is not said to be in UTF-8
        "content-length": str(revision.size),
        "content-disposition": (
            f'{"inline" if shown else "attachment"}; filename="{plain}"; '
            f"filename*=UTF-8''{quote(file_name, safe='')}"  # RFC 6266, in RFC 5987's coding
        ),
        "content-security-policy": SHOWN_POLICY if shown else SAFE_POLICY,
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=0, must-revalidate",
    }
