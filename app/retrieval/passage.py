"""What retrieval gives: passages, and the evidence of how they were ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.indexes.chunk_table import revision_of
from app.retrieval.query import Query


@dataclass(frozen=True)
class NearestSentence:
    """The sentence of a passage whose meaning is nearest to the question's.

    `start` and `end` are offsets into the passage's text; `similarity` is the cosine.
    """

    start: int
    end: int
    similarity: float


@dataclass(frozen=True)
class Evidence:
    """Why a passage stands where it does: the numbers that ranked it, as they were used.

    Ranks count from 1 among a half's candidates; None where that half did not find the passage, or
    was not asked. `similarity` is the cosine, -1 to 1. `word_weights` is what each word of the
    question gave to the BM25 score. `shares` is what each half gave to the fused score, and what
    was found around the passage; they add up to it.
    `rerank_score` is what the reranker gave, on its own scale, and `rank_before` where the passage
    stood before it; None where nothing was reranked. `nearest` is there where it was asked for.
    """

    vector_rank: int | None = None
    similarity: float | None = None
    keyword_rank: int | None = None
    bm25: float | None = None
    word_weights: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    rerank_score: float | None = None
    rank_before: int | None = None
    nearest: NearestSentence | None = None


@dataclass(frozen=True)
class Place:
    """Where a text stands."""

    document_id: int
    document_name: str
    revision_id: int
    start: int
    end: int

    @classmethod
    def of(cls, passage: Passage) -> Place:
        return cls(
            passage.document_id,
            passage.document_name,
            passage.revision_id,
            passage.start,
            passage.end,
        )


@dataclass(frozen=True)
class Passage:
    """A chunk, or several that follow each other, as shown to a person or to a model.

    `text` is `revision.text[start:end]`, in characters. `score` is the ranking's own figure, higher
    is better: the reranker's where there is one; else the fused score from 0 to 1, or for vectors
    alone the cosine similarity, or for words alone the BM25 score. `rank` counts from 1.
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
    language: str = ""
    """Of its revision, as ISO 639-1; empty where it is not known."""
    evidence: Evidence = field(default_factory=Evidence)
    knowledge_base_id: int = 0
    knowledge_base: str = ""
    """Its knowledge base's name, where several were asked."""
    also: tuple[Place, ...] = ()
    """Where else nearly the same text was found."""
    more: tuple[Passage, ...] = ()
    """The document's other passages, where results are documents."""


@dataclass(frozen=True)
class Stage:
    """One step of a retrieval: what it did, in words, and how long it took in milliseconds."""

    name: str
    detail: str
    milliseconds: float


@dataclass(frozen=True)
class Retrieval:
    """Ranked passages, best first, and what each stage did.

    `candidates` are all chunks that were ranked, best first, those of the passages among them.
    `milliseconds` is all of it: stages that run at once overlap. `problems` are knowledge bases, of
    several that were asked, that could not be searched as they should, with the reason.
    `knowledge_bases` are the names of all, where several were asked.
    """

    query: Query
    passages: tuple[Passage, ...]
    stages: tuple[Stage, ...] = ()
    milliseconds: float = 0.0
    candidates: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    knowledge_bases: tuple[str, ...] = ()

    def revision_ids(self) -> tuple[int, ...]:
        """The revision of each candidate, best first."""
        return tuple(revision_of(each) for each in self.candidates)
