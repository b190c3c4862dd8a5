"""The revisions of a document, and what differs between two of them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from app.access.rights import Right
from app.documents.comparing import compare
from app.documents.difference import Line
from app.web.access import needs
from app.web.api.documents import RevisionShape
from app.web.api.shape import LARGEST_ID, DocumentId, Shape, errors
from app.web.wiring import Wired

router = APIRouter(prefix="/documents/{document_id}", tags=["Documents"])

MOST_STRETCHES = 1000  # in one reply

RevisionId = Annotated[int | None, Query(ge=1, le=LARGEST_ID)]


class RevisionList(Shape):
    """A document's revisions that can be read, newest first."""

    revisions: tuple[RevisionShape, ...]
    current: int | None = Field(examples=[14])
    """The id of the one that readers see and searches find."""


class PieceShape(Shape):
    """A stretch of a line."""

    text: str = Field(examples=["dusk"])
    changed: bool
    """Whether the other revision has other words in its place."""


class LineShape(Shape):
    """A line that both revisions have, or one of them."""

    kind: Literal["same", "removed", "added"]
    old: int | None = Field(examples=[3])
    """Its number in the older revision, from 1."""
    new: int | None = Field(examples=[3])
    pieces: tuple[PieceShape, ...]

    @classmethod
    def of(cls, line: Line) -> LineShape:
        return cls(
            kind=line.kind,
            old=line.old,
            new=line.new,
            pieces=tuple(PieceShape(text=p.text, changed=p.changed) for p in line.pieces),
        )


class DifferenceReply(Shape):
    """What makes the newer revision of the older one."""

    old: RevisionShape
    new: RevisionShape
    added: int = Field(examples=[4])
    """Lines that came, in all stretches."""
    removed: int = Field(examples=[2])
    stretches: tuple[tuple[LineShape, ...], ...]
    """Lines around what differs, in order, from the `offset`-th stretch on."""
    total: int = Field(examples=[3])
    """How many stretches there are."""


@router.get("/revisions", responses=errors(404, 422, 503))
@needs(Right.READ)
def list_revisions(document_id: DocumentId, services: Wired) -> RevisionList:
    """A document's revisions, newest first. `text` and `original` take the id of each."""
    document = services.documents.get(document_id)
    revisions = services.documents.revisions(document_id)
    return RevisionList(
        revisions=tuple(RevisionShape.of(revision) for revision in revisions),
        current=document.current_revision_id,
    )


@router.get("/difference", responses=errors(404, 422, 503))
@needs(Right.READ)
def read_difference(
    document_id: DocumentId,
    services: Wired,
    *,
    old: Annotated[RevisionId, Query(description="The one before `new`, unless given.")] = None,
    new: Annotated[RevisionId, Query(description="The current one, unless given.")] = None,
    offset: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_STRETCHES)] = 100,
) -> DifferenceReply:
    """What differs between the texts of two revisions: lines, and the words within them."""
    compared = compare(services.documents, document_id, old, new)
    stretches = compared.difference.stretches
    return DifferenceReply(
        old=RevisionShape.of(compared.old),
        new=RevisionShape.of(compared.new),
        added=compared.difference.added,
        removed=compared.difference.removed,
        stretches=tuple(
            tuple(LineShape.of(line) for line in stretch)
            for stretch in stretches[offset : offset + limit]
        ),
        total=len(stretches),
    )
