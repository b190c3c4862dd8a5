"""Why a result is there: the numbers that ranked it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.retrieval.passage import Evidence
from app.retrieval.surroundings import SURROUNDINGS


@dataclass(frozen=True)
class Reason:
    name: str
    said: str


def reasons(evidence: Evidence, in_common: tuple[str, ...]) -> tuple[Reason, ...]:
    """What each half of the search found in the passage, and what that gave to its score."""
    return (
        Reason("Meaning", _meaning(evidence)),
        Reason("Words", _words(evidence)),
        *_around(evidence),
        *_reranked(evidence),
        *_nearest(evidence),
        *([Reason("In common", ", ".join(in_common))] if in_common else []),
    )


def _meaning(evidence: Evidence) -> str:
    if evidence.similarity is None:
        return "not among the nearest"
    near = f"{ordinal(evidence.vector_rank)} nearest, cosine similarity {evidence.similarity:.2f}"
    return near + _share(evidence, "vector")


def _words(evidence: Evidence) -> str:
    if evidence.bm25 is None:
        return "not among the best by words"
    weights = heaviest(evidence.word_weights)
    best = f"{ordinal(evidence.keyword_rank)} best, BM25 {evidence.bm25:.1f}"
    return best + (f" ({weights})" if weights else "") + _share(evidence, "keyword")


def _around(evidence: Evidence) -> tuple[Reason, ...]:
    share = evidence.shares.get(SURROUNDINGS)
    if share is None:
        return ()
    said = f"others just before or after it were found too; gives {share:.2f} of the score"
    return (Reason("Surroundings", said),)


def _reranked(evidence: Evidence) -> tuple[Reason, ...]:
    if evidence.rerank_score is None:
        return ()
    said = f"{ordinal(evidence.rank_before)} before it, relevance {evidence.rerank_score:.2f}"
    return (Reason("Reranker", said),)


def _nearest(evidence: Evidence) -> tuple[Reason, ...]:
    if evidence.nearest is None:
        return ()
    said = f"underlined, cosine similarity {evidence.nearest.similarity:.2f}"
    return (Reason("Nearest sentence", said),)


def heaviest(weights: Mapping[str, float]) -> str:
    """Words with what each gave to the score, those that gave most first."""
    ordered = sorted(weights.items(), key=lambda each: -each[1])
    return ", ".join(f"{word} {weight:.1f}" for word, weight in ordered)


def _share(evidence: Evidence, half: str) -> str:
    share = evidence.shares.get(half)
    return f"; gives {share:.2f} of the score" if share is not None else ""


def ordinal(rank: int | None) -> str:
    """A rank as it is said: "1st", "412th"."""
    if rank is None:
        return "?"
    if rank % 100 in {11, 12, 13}:
        return f"{rank:,}th"
    return f"{rank:,}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(rank % 10, 'th') }"
