"""What retrieval gives: passages, and the evidence of how they were ranked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Query:
    """A question and what it is asked of; `document_ids` empty means every document."""

    text: str
    document_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Passage:
    """A chunk as shown to a person or to a model.

    `text` is `revision.text[start:end]`, in characters. `score` is the ranking's own figure, higher
    is better: for vectors alone the cosine similarity, from -1 to 1. `rank` counts from 1.
    """

    rank: int
    score: float
    chunk_id: int
    document_id: int
    document_name: str
    title: str | None
    revision_id: int
    revision_created_at: datetime
    start: int
    end: int
    text: str
    section_path: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True)
class Stage:
    """One step of a retrieval: what it did, in words, and how long it took in milliseconds."""

    name: str
    detail: str
    milliseconds: float


@dataclass(frozen=True)
class Retrieval:
    """Ranked passages, best first, and what each stage did."""

    query: Query
    passages: tuple[Passage, ...]
    stages: tuple[Stage, ...] = field(default=())

    @property
    def milliseconds(self) -> float:
        return sum(stage.milliseconds for stage in self.stages)
