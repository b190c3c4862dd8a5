"""Knowledge bases, documents, revisions and sections as the other rooms see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class KnowledgeBase:
    """A named collection of documents; searches are answered from the index `active_index_id`."""

    id: int
    name: str
    created_at: datetime
    active_index_id: int | None
    paused: bool = False
    """Whether its jobs wait until it is resumed."""
    synonyms: tuple[tuple[str, ...], ...] = ()
    """Groups of words, each of which is looked for where another is."""


@dataclass(frozen=True)
class Section:
    """A stretch of a revision's text under one heading path, on one page.

    `start` and `end` are character offsets `[start, end)` into the revision's text; a text's
    sections follow each other without gap or overlap.
    """

    start: int
    end: int
    path: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True)
class ParsedText:
    """What a parser made of a document's bytes."""

    text: str
    sections: tuple[Section, ...]
    title: str | None = None


@dataclass(frozen=True)
class Document:
    """One source, known by its name in its knowledge base."""

    id: int
    knowledge_base_id: int
    name: str
    current_revision_id: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Revision:
    """An immutable state of a document.

    `number` counts from 1; `size` is the original's bytes, `characters` those of its text.
    """

    id: int
    document_id: int
    number: int
    content_hash: str
    size: int
    media_type: str
    created_at: datetime
    title: str | None = None
    parser: str | None = None
    characters: int | None = None
