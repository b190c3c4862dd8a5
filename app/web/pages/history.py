"""A document's revisions, and what differs between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.documents.comparing import compare
from app.documents.difference import Kind, Line, Piece
from app.documents.kinds import kind
from app.documents.model import Revision
from app.web.access import needs
from app.web.addresses import address
from app.web.pages.frame import frame, show
from app.web.pages.wording import When, count, size, when
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

STRETCHES = 50  # on a page
LONGEST_SAME = 240  # characters of a stretch without a change that are shown
LARGEST = 2**53

RevisionId = Annotated[int | None, Query(ge=1, le=LARGEST)]


@dataclass(frozen=True)
class Row:
    """A revision in the history; `difference` is the address of what it changed."""

    number: int
    current: bool
    kind: str
    size: str
    length: str
    date: When
    text: str
    original: str
    difference: str | None


@dataclass(frozen=True)
class ShownLine:
    """A line of a difference; `sign` is read out."""

    kind: Kind
    sign: str
    number: int | None
    pieces: tuple[Piece, ...]


SIGNS: dict[Kind, str] = {"same": "", "removed": "Removed: ", "added": "Added: "}


@router.get("/documents/{document_id}/history")
@needs(Right.READ)
def history_page(request: Request, services: Wired, document_id: int) -> HTMLResponse:
    document = services.documents.get(document_id)
    base = services.knowledge_bases.by_id(document.knowledge_base_id)
    revisions = services.documents.revisions(document_id)
    before = dict(zip(revisions, [*revisions[1:], None], strict=False))
    return show(
        request,
        "history.html",
        frame(
            f"Revisions of {document.name}",
            "/documents",
            base.name,
            f"/api/documents/{document_id}/revisions",
        ),
        document=document,
        summary=count(len(revisions), "revision"),
        rows=tuple(_row(each, before[each], document.current_revision_id) for each in revisions),
        kept=services.settings.keep_revisions,
        back=f"/documents/{document_id}",
    )


@router.get("/documents/{document_id}/difference")
@needs(Right.READ)
def difference_page(
    request: Request,
    services: Wired,
    document_id: int,
    *,
    old: RevisionId = None,
    new: RevisionId = None,
    offset: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
) -> HTMLResponse:
    document = services.documents.get(document_id)
    base = services.knowledge_bases.by_id(document.knowledge_base_id)
    compared = compare(services.documents, document_id, old, new)
    stretches = compared.difference.stretches
    shown = stretches[offset : offset + STRETCHES]
    sides = (("old", compared.old.id), ("new", compared.new.id))

    def at(place: int) -> str:
        page = f"/documents/{document_id}/difference"
        return address(page, *sides, ("offset", place or None))

    return show(
        request,
        "difference.html",
        frame(
            f"What changed in {document.name}",
            "/documents",
            base.name,
            address(f"/api/documents/{document_id}/difference", *sides),
        ),
        document=document,
        old=compared.old,
        new=compared.new,
        dates=(when(compared.old.created_at), when(compared.new.created_at)),
        revisions=services.documents.revisions(document_id),
        added=count(compared.difference.added, "line"),
        removed=count(compared.difference.removed, "line"),
        stretches=tuple(tuple(_shown(line) for line in stretch) for stretch in shown),
        extent=f"{offset + 1:,} to {offset + len(shown):,} of {count(len(stretches), 'change')}"
        if len(shown) < len(stretches)
        else "",
        earlier=at(max(0, offset - STRETCHES)) if offset else None,
        later=at(offset + len(shown)) if offset + len(shown) < len(stretches) else None,
        history=f"/documents/{document_id}/history",
    )


def _row(revision: Revision, before: Revision | None, current: int | None) -> Row:
    page = f"/documents/{revision.document_id}"
    shown = revision.id == current
    of = None if shown else revision.id
    return Row(
        number=revision.number,
        current=shown,
        kind=kind(revision.media_type),
        size=size(revision.size),
        length=count(revision.characters or 0, "character"),
        date=when(revision.created_at),
        text=address(page, ("revision", of)),
        original=address(f"/api{page}/original", ("revision", revision.id)),
        difference=None
        if before is None
        else address(f"{page}/difference", ("old", before.id), ("new", revision.id)),
    )


def _shown(line: Line) -> ShownLine:
    """The line with what is long and unchanged in it cut short."""
    pieces = tuple(
        piece if piece.changed else Piece(_short(piece.text), changed=False)
        for piece in line.pieces
    )
    number = line.old if line.kind == "removed" else line.new
    return ShownLine(line.kind, SIGNS[line.kind], number, pieces)


def _short(text: str) -> str:
    if len(text) <= LONGEST_SAME:
        return text
    half = LONGEST_SAME // 2
    return f"{text[:half]} … {text[-half:]}"
