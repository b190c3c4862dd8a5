"""The queue of addresses on the pages: adding many, how far it is, what could not be fetched."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.access.rights import Right
from app.documents.labels import checked_labels
from app.errors import InvalidRequest
from app.ingestion.fetching import AddressKind, AddressState, Standing
from app.services import Services
from app.web.access import needs
from app.web.addresses import address, api_address
from app.web.pages.frame import Chosen, ChosenBase, frame, show
from app.web.pages.labels import tags_in
from app.web.pages.wording import count, time_left, when
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)

ROWS = 50
MOST_ADDRESSES = 10_000  # in one form
SHOWN = (AddressState.FAILED, AddressState.WAITING, AddressState.FETCHED)


def in_short(services: Services, chosen: Chosen) -> str:
    """How far the queue is, in a line; nothing where none waits or failed."""
    counts = services.addresses.counts(chosen.base)
    waiting, failed = counts[AddressState.WAITING], counts[AddressState.FAILED]
    if not waiting and not failed:
        return ""
    said = [f"{count(waiting, 'address', 'addresses')} still to be fetched"] if waiting else []
    said += [f"{count(failed, 'address', 'addresses')} could not be fetched"] if failed else []
    return ", ".join(said)


@router.post("/documents/addresses")
@needs(Right.WRITE)
def add_addresses(
    services: Wired,
    base_name: Annotated[str, Form(alias="knowledge-base")],
    urls: Annotated[str, Form()] = "",
    kind: Annotated[AddressKind, Form()] = AddressKind.PAGE,
    tags: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Have the addresses of a form fetched, one on each line."""
    base = services.knowledge_bases.get(base_name)
    given = urls.split()
    if not given:
        raise InvalidRequest("There is no address.", remedy="Write one on each line.")
    if len(given) > MOST_ADDRESSES:
        raise InvalidRequest(
            f"{len(given):,} addresses are too many at once.",
            remedy=f"Give up to {MOST_ADDRESSES:,}, and the others after them.",
        )
    services.addresses.add(base, {kind: given}, checked_labels(tags_in(tags), {}))
    return _shown(base.name)


@router.post("/documents/addresses/retry")
@needs(Right.WRITE)
def retry_addresses(
    services: Wired, base_name: Annotated[str, Form(alias="knowledge-base")]
) -> RedirectResponse:
    """Have fetched again what could not be."""
    base = services.knowledge_bases.get(base_name)
    services.addresses.retry_failed(base)
    return _shown(base.name)


@router.post("/documents/addresses/cancel")
@needs(Right.WRITE)
def cancel_addresses(
    services: Wired, base_name: Annotated[str, Form(alias="knowledge-base")]
) -> RedirectResponse:
    """Fetch nothing more of what waits."""
    base = services.knowledge_bases.get(base_name)
    services.addresses.cancel_waiting(base)
    return _shown(base.name)


@router.get("/documents/addresses")
@needs(Right.READ)
def addresses_page(
    request: Request,
    services: Wired,
    chosen: ChosenBase,
    state: AddressState | None = None,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> HTMLResponse:
    """How far the queue is, and the addresses in one state: what failed first, if anything did."""
    base = chosen.base
    standing = services.addresses.standing(base.id)
    counts = standing.counts
    shown = state or next((each for each in SHOWN if counts[each]), AddressState.WAITING)
    found = services.addresses.listed(base, shown, offset=offset, limit=ROWS)

    def at(place: int, of: AddressState = shown) -> str:
        parameters = (("knowledge-base", base.name), ("state", of), ("offset", place or None))
        return address("/documents/addresses", *parameters)

    return show(
        request,
        "addresses.html",
        frame("Addresses", "/documents", base.name, api_address(base.name, "addresses")),
        chosen=chosen,
        counts=counts,
        pace=_pace(standing),
        changed=standing.changed_at.isoformat() if standing.changed_at else "",
        here=at(offset),
        states=[(each, counts[each], at(0, each), each is shown) for each in AddressState],
        shown=shown,
        rows=[
            {
                "url": each.url,
                "sitemap": each.kind is AddressKind.SITEMAP,
                "error": each.error,
                "remedy": each.remedy,
                "document": f"/documents/{each.document_id}" if each.document_id else None,
                "looked": when(each.updated_at),
            }
            for each in found
        ],
        earlier=at(max(0, offset - ROWS)) if offset else None,
        later=at(offset + len(found)) if offset + len(found) < counts[shown] else None,
        back=address("/documents", ("knowledge-base", base.name)),
    )


def _pace(standing: Standing) -> str:
    """How fast the queue is worked off, and how long that takes, as far as it is known."""
    if standing.minutes_left is None or not standing.counts[AddressState.WAITING]:
        return ""
    return f"{standing.per_minute} a minute, {time_left(standing.minutes_left * 60)} left"


def _shown(base_name: str) -> RedirectResponse:
    shown = address("/documents/addresses", ("knowledge-base", base_name))
    return RedirectResponse(shown, status_code=303)
