"""A document's page: its text, opened at a place, with what is known of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.documents.kinds import kind
from app.documents.model import Document, Revision, Section
from app.documents.quotes import LONGEST, QuotedPlace, quoted_place
from app.errors import RevisionNotFound
from app.web.access import needs
from app.web.addresses import address, search_address, stretch_address
from app.web.api.quotes import picture_address
from app.web.pages.blocks import blocks
from app.web.pages.frame import frame, show
from app.web.pages.labels import written
from app.web.pages.rail import rail
from app.web.pages.wording import When, count, size, when
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

WINDOW = 40_000  # characters shown at once: about fifteen printed pages
BEFORE = 4_000  # characters shown before a passage, at most
LARGEST = 2**53

Offset = Annotated[int | None, Query(ge=0, le=LARGEST)]


@dataclass(frozen=True)
class Facts:
    kind: str
    size: str
    length: str
    pages: str | None
    parser: str
    date: When
    number: int
    of: int
    """How many revisions there are."""


@dataclass(frozen=True)
class Pages:
    """The form that goes to a page, of a document that has several."""

    last: int
    present: int | None


@dataclass(frozen=True)
class Older:
    """Said when the page shows another revision than the document's current one."""

    text: str
    address: str


@dataclass(frozen=True)
class Look:
    """The page of a PDF as it looks, at a marked place."""

    title: str
    address: str


@router.get("/documents/{document_id}")
@needs(Right.READ)
def document_page(
    request: Request,
    services: Wired,
    document_id: int,
    *,
    revision: Offset = None,
    start: Offset = None,
    end: Offset = None,
    at: Offset = None,
    page: Annotated[int | None, Query(ge=1)] = None,
    q: str = "",
) -> HTMLResponse:
    document = services.documents.get(document_id)
    base = services.knowledge_bases.by_id(document.knowledge_base_id)
    try:
        shown, sections = services.documents.outline(document_id, revision)
    except RevisionNotFound:
        if document.current_revision_id is None or revision is None:
            raise
        # A reader's link outlives a revision: better the document as it is, with a word about it.
        shown, sections = services.documents.outline(document_id)
        start = end = None
    length = shown.characters or 0
    marked = (start, min(end, length)) if start is not None and end is not None else None
    quoted = _quoted(services, document_id, shown, marked)
    place = _place(sections, length, start, at, page)
    first, last = _window(sections, length, place, exact=at is not None)
    text = services.documents.stretch(shown, first, last) if last > first else ""

    def link(offset: int) -> str:
        fragment = f"#at-{offset}"
        if first <= offset < last and not marked:
            return fragment
        of = None if shown.id == document.current_revision_id else shown.id
        opened = address(f"/documents/{document_id}", ("revision", of), ("at", offset), ("q", q))
        return opened + fragment

    labels = services.documents.labels([document_id])[document_id]
    source = services.sources.of([document_id]).get(document_id)
    return show(
        request,
        "document.html",
        frame(
            shown.title or document.name,
            "/documents",
            base.name,
            address(f"/api/documents/{document_id}/text", ("revision", shown.id)),
        ),
        base=base,
        document=document,
        title=shown.title or document.name,
        facts=_facts(services, shown, sections),
        older=_older(document, shown, revision, quoted),
        look=_look(quoted, marked),
        blocks=blocks(text, first, sections, marked),
        rail=rail(sections, place, link),
        pages=_pages(sections, place),
        revision=shown,
        asked_revision=revision,
        earlier=link(max(0, first - WINDOW)) if first else None,
        later=link(last) if last < length else None,
        extent=f"Characters {first:,} to {last:,} of {length:,}" if last - first < length else "",
        original=address(f"/api/documents/{document_id}/original", ("revision", shown.id)),
        history=f"/documents/{document_id}/history",
        delete=address("/documents/delete", ("document", document_id)),
        source=source,
        looked_at=None if source is None else when(source.fetched_at),
        labels=labels,
        written=written(labels),
        back=search_address(base.name, ("q", q)) if q else None,
        q=q,
    )


def _place(
    sections: Sequence[Section], length: int, start: int | None, at: int | None, page: int | None
) -> int:
    if page is not None and start is None and at is None:
        start = next((s.start for s in sections if s.page is not None and s.page >= page), length)
    asked = next((each for each in (start, at) if each is not None), 0)
    return min(asked, max(0, length - 1))


def _window(
    sections: Sequence[Section], length: int, place: int, *, exact: bool
) -> tuple[int, int]:
    """The stretch that is read and shown: from a section's beginning if one is near."""
    first = place
    if not exact and length > WINDOW:
        starts = [section.start for section in sections]
        nearest = starts[max(0, bisect_right(starts, place) - 1)] if starts else 0
        first = nearest if place - nearest <= BEFORE else place - BEFORE
    elif length <= WINDOW:
        first = 0
    return first, min(length, first + WINDOW)


def _facts(services: Wired, shown: Revision, sections: Sequence[Section]) -> Facts:
    last = max((section.page or 0 for section in sections), default=0)
    return Facts(
        kind=kind(shown.media_type),
        size=size(shown.size),
        length=count(shown.characters or 0, "character"),
        pages=count(last, "page") if last else None,
        parser=shown.parser or "unknown",
        date=when(shown.created_at),
        number=shown.number,
        of=len(services.documents.revisions(shown.document_id)),
    )


def _pages(sections: Sequence[Section], place: int) -> Pages | None:
    last = max((section.page or 0 for section in sections), default=0)
    present = next((s.page for s in reversed(sections) if s.start <= place), None)
    return Pages(last, present) if last > 1 else None


def _quoted(
    services: Wired, document_id: int, shown: Revision, marked: tuple[int, int] | None
) -> QuotedPlace | None:
    if marked is None or not 0 < marked[1] - marked[0] <= LONGEST:
        return None
    return quoted_place(services.documents, document_id, shown.id, *marked)


def _look(quoted: QuotedPlace | None, marked: tuple[int, int] | None) -> Look | None:
    drawn = picture_address(quoted, *marked) if quoted and marked else None
    return Look(f"Page {quoted.page} as it looks", drawn) if quoted and drawn else None


def _older(
    document: Document, shown: Revision, asked: int | None, quoted: QuotedPlace | None
) -> Older | None:
    newest = f"/documents/{document.id}"
    if asked is not None and shown.id != asked:
        return Older(
            "The revision that the link names is not kept any more. This is the current one.",
            newest,
        )
    if shown.id != document.current_revision_id:
        there = ""
        if quoted is not None and quoted.newer is not None:
            at = quoted.newer.at
            there = ", in which the marked words " + (
                "still stand" if at else "do not stand any more"
            )
            if at:
                newest = stretch_address(document.id, quoted.newer.revision.id, *at)
        return Older(f"This is revision {shown.number}. There is a newer one{there}.", newest)
    return None
