"""Many addresses of the web at once: they wait in a queue, and are fetched politely."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import Field

from app.access.rights import Right
from app.documents.labels import checked_labels
from app.errors import InvalidRequest
from app.ingestion.fetching import Address, AddressKind, AddressState, Standing
from app.web.access import needs
from app.web.api.jobs import JobError
from app.web.api.shape import LARGEST_ID, Shape, errors
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(tags=["Documents"])

MOST_ADDRESSES = 10_000  # in one request
MOST_SHOWN = 1_000  # in one reply


class AddressesBody(Shape):
    """What is to be fetched: pages and files, and the pages that sitemaps list."""

    urls: tuple[str, ...] = Field(
        default=(), max_length=MOST_ADDRESSES, examples=[["https://example.com/harbour"]]
    )
    sitemaps: tuple[str, ...] = Field(
        default=(), max_length=100, examples=[["https://example.com/sitemap.xml"]]
    )
    tags: tuple[str, ...] = Field(default=(), examples=[["tides"]])
    metadata: dict[str, str] = Field(default={}, examples=[{"author": "A. Shore"}])


class AddressesTaken(Shape):
    """How many wait to be fetched now."""

    accepted: int = Field(examples=[2])


class AddressShape(Shape):
    """An address in the queue."""

    id: int = Field(examples=[7])
    url: str = Field(examples=["https://example.com/harbour"])
    kind: AddressKind
    state: AddressState
    attempts: int = Field(examples=[1])
    """How often it has been asked for since somebody wanted it last."""
    document_id: int | None = Field(default=None, examples=[12])
    """What it became; null for a sitemap."""
    error: JobError | None = None
    updated_at: datetime

    @classmethod
    def of(cls, address: Address) -> AddressShape:
        error = None
        if address.error is not None:
            error = JobError(message=address.error, remedy=address.remedy or "")
        return cls(
            id=address.id,
            url=address.url,
            kind=address.kind,
            state=address.state,
            attempts=address.attempts,
            document_id=address.document_id,
            error=error,
            updated_at=address.updated_at,
        )


class AddressCounts(Shape):
    """How many addresses of the knowledge base are in each state."""

    waiting: int = Field(examples=[40])
    fetched: int = Field(examples=[58])
    failed: int = Field(examples=[2])
    cancelled: int = Field(examples=[0])


class AddressesStanding(AddressCounts):
    """How far the queue of addresses is."""

    per_minute: int = Field(examples=[24])
    """Addresses that came to an end in the last minute."""
    minutes_left: float | None = Field(examples=[1.7])
    """Until all that waits is fetched; null where it cannot be told."""
    changed_at: datetime | None
    """Null where there never was an address."""

    @classmethod
    def of(cls, standing: Standing) -> AddressesStanding:
        return cls(
            **{state.value: number for state, number in standing.counts.items()},
            per_minute=standing.per_minute,
            minutes_left=standing.minutes_left,
            changed_at=standing.changed_at,
        )


class AddressList(Shape):
    """One page of the addresses in one state."""

    counts: AddressCounts
    addresses: tuple[AddressShape, ...]
    offset: int = Field(examples=[0])
    limit: int = Field(examples=[100])


class AddressesChanged(Shape):
    """How many addresses it was done to."""

    changed: int = Field(examples=[2])


@router.post(
    "/knowledge-bases/{name}/addresses",
    status_code=status.HTTP_202_ACCEPTED,
    responses=errors(403, 404, 413, 422, 503),
)
@needs(Right.WRITE)
def add_addresses(
    base: ReadableKnowledgeBase, body: AddressesBody, services: Wired
) -> AddressesTaken:
    """Have many addresses fetched, each as a document of its own.

    They are kept before this is answered, and fetched one host at a time, with pauses, as each
    host's robots.txt allows; what has been fetched before is only fetched again if it has changed.
    Addresses that are not on the public internet fail. If one is no address at all, none is taken.
    """
    if not body.urls and not body.sitemaps:
        raise InvalidRequest("There is no address.", remedy="Give `urls`, `sitemaps`, or both.")
    labels = checked_labels(body.tags, body.metadata)
    queue = services.addresses
    accepted = queue.add(
        base, {AddressKind.PAGE: body.urls, AddressKind.SITEMAP: body.sitemaps}, labels
    )
    return AddressesTaken(accepted=accepted)


@router.get("/knowledge-bases/{name}/addresses", responses=errors(404, 422, 503))
@needs(Right.READ)
def list_addresses(
    base: ReadableKnowledgeBase,
    services: Wired,
    state: AddressState = AddressState.WAITING,
    offset: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_SHOWN)] = 100,
) -> AddressList:
    """How far the queue of addresses is, and those in one state."""
    counts = services.addresses.counts(base)
    found = services.addresses.listed(base, state, offset=offset, limit=limit)
    return AddressList(
        counts=AddressCounts(**{state.value: number for state, number in counts.items()}),
        addresses=tuple(AddressShape.of(address) for address in found),
        offset=offset,
        limit=limit,
    )


@router.post("/knowledge-bases/{name}/addresses/retry", responses=errors(403, 404, 422, 503))
@needs(Right.WRITE)
def retry_addresses(base: ReadableKnowledgeBase, services: Wired) -> AddressesChanged:
    """Have all addresses fetched again that could not be."""
    return AddressesChanged(changed=services.addresses.retry_failed(base))


@router.post("/knowledge-bases/{name}/addresses/cancel", responses=errors(403, 404, 422, 503))
@needs(Right.WRITE)
def cancel_addresses(base: ReadableKnowledgeBase, services: Wired) -> AddressesChanged:
    """Fetch nothing more of what waits. What was fetched stays."""
    return AddressesChanged(changed=services.addresses.cancel_waiting(base))
