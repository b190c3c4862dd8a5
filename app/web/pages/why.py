"""Why a result is there: the numbers that ranked it, in words."""

from __future__ import annotations

from dataclasses import dataclass

from app.retrieval.passage import Evidence


@dataclass(frozen=True)
class Reason:
    name: str
    said: str


def reasons(evidence: Evidence, in_common: tuple[str, ...]) -> tuple[Reason, ...]:
    """What each half of the search found in the passage, and what that gave to its score."""
    return (
        Reason("Meaning", _meaning(evidence)),
        Reason("Words", _words(evidence)),
        *_reranked(evidence),
        Reason("In common", ", ".join(in_common) or "no word: it is here for its meaning"),
    )


def _meaning(evidence: Evidence) -> str:
    if evidence.similarity is None:
        return "not among the nearest"
    near = f"{_ordinal(evidence.vector_rank)} nearest, cosine similarity {evidence.similarity:.2f}"
    return near + _share(evidence, "vector")


def _words(evidence: Evidence) -> str:
    if evidence.bm25 is None:
        return "not among the best by words"
    heaviest = sorted(evidence.word_weights.items(), key=lambda each: -each[1])
    weights = ", ".join(f"{word} {weight:.1f}" for word, weight in heaviest)
    best = f"{_ordinal(evidence.keyword_rank)} best, BM25 {evidence.bm25:.1f}"
    return best + (f" ({weights})" if weights else "") + _share(evidence, "keyword")


def _reranked(evidence: Evidence) -> tuple[Reason, ...]:
    if evidence.rerank_score is None:
        return ()
    said = f"{_ordinal(evidence.rank_before)} before it, relevance {evidence.rerank_score:.2f}"
    return (Reason("Reranker", said),)


def _share(evidence: Evidence, half: str) -> str:
    share = evidence.shares.get(half)
    return f"; gives {share:.2f} of the score" if share is not None else ""


def _ordinal(rank: int | None) -> str:
    if rank is None:
        return "?"
    if rank % 100 in {11, 12, 13}:
        return f"{rank}th"
    return f"{rank}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(rank % 10, 'th') }"
