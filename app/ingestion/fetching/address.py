"""An address that is to be fetched, as people and the queue see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.documents.labels import Labels


class AddressKind(StrEnum):
    PAGE = "page"
    """A page or a file: it becomes a document."""
    SITEMAP = "sitemap"
    """A list of pages, each of which becomes an address of its own."""


class AddressState(StrEnum):
    WAITING = "waiting"
    FETCHED = "fetched"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (AddressState.FETCHED, AddressState.FAILED)


@dataclass(frozen=True)
class Address:
    """An address in the queue; `error` and `remedy` are for people.

    `error` of one that waits is why it is tried again.
    """

    id: int
    knowledge_base_id: int
    url: str
    kind: AddressKind
    state: AddressState
    attempts: int
    labels: Labels
    document_id: int | None
    error: str | None
    remedy: str | None
    updated_at: datetime


@dataclass(frozen=True)
class Standing:
    """How far a knowledge base's queue is; `changed_at` is None where nothing was ever in it."""

    counts: dict[AddressState, int]
    per_minute: int
    """Addresses that came to an end, good or bad, in the last minute."""
    changed_at: datetime | None

    @property
    def minutes_left(self) -> float | None:
        """Until all that waits is fetched; None where it cannot be told."""
        return self.counts[AddressState.WAITING] / self.per_minute if self.per_minute else None


@dataclass(frozen=True)
class Host:
    """A host that `owner` alone fetches from, of all processes."""

    name: str
    owner: str
