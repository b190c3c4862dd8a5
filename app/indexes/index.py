"""An index, what is put into it and what a search of it finds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.indexes.postings import ChunkTerms
from app.indexes.recipe import Recipe


class IndexState(StrEnum):
    """Where an index is in its life.

    `building` lacks revisions, and is given them; `paused` and `failed` wait for a person; `ready`
    holds every document's current revision; `retired` does so too, and was active before;
    `incomplete` holds all but what its model refuses; `dropped` is cleared within minutes.
    """

    BUILDING = "building"
    PAUSED = "paused"
    FAILED = "failed"
    READY = "ready"
    INCOMPLETE = "incomplete"
    ACTIVE = "active"
    RETIRED = "retired"
    DROPPED = "dropped"


IN_STEP = frozenset({IndexState.READY, IndexState.RETIRED})
"""The states in which an index that is not active holds every document's current revision."""

BUILT = IN_STEP | {IndexState.INCOMPLETE}
"""The states in which an index that is not active holds all that it can."""


class Presence(StrEnum):
    """Whether the chunks of a revision are still being written, searched, or to be removed.

    Of one that is `refused` by the index's model, some chunks may be there until they are cleared,
    and none is searched.
    """

    STAGED = "staged"
    LIVE = "live"
    LEAVING = "leaving"
    REFUSED = "refused"


@dataclass(frozen=True)
class Index:
    """The chunks of one knowledge base under one recipe.

    `version` counts the changes of what can be found in it, up to when it was read.
    """

    id: int
    knowledge_base_id: int
    recipe: Recipe
    state: IndexState
    version: int = field(default=0, compare=False)


@dataclass(frozen=True)
class NewChunk:
    """A chunk to be embedded and stored; `ordinal` is its place in the revision, from 0.

    `terms` are what its words are found by, as words of its `language` (ISO 639-1).
    """

    document_id: int
    revision_id: int
    ordinal: int
    start: int
    end: int
    text: str
    section_path: tuple[str, ...]
    page: int | None
    terms: ChunkTerms
    language: str

    @property
    def content_hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Contents:
    """What an index holds of a revision: how many chunks, of how many terms, in which language."""

    chunks: int
    terms: int
    language: str


@dataclass(frozen=True)
class Hit:
    """A chunk that a search found, with its document."""

    chunk_id: int
    document_id: int
    document_name: str
    title: str | None
    revision_id: int
    revision_created_at: datetime
    start: int
    end: int
    text: str
    section_path: tuple[str, ...]
    page: int | None
    language: str
