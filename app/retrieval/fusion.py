"""Two rankings → one: each half counts as much as its best stands out of its own candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Half:
    """What one retriever found: scores by chunk, higher is better, on a scale of its own."""

    name: str
    scores: Mapping[int, float]


@dataclass(frozen=True)
class Fused:
    """A chunk's score after fusion, 0 to 1, and what each half gave to it, by the half's name."""

    chunk_id: int
    score: float
    shares: Mapping[str, float]


def fuse(halves: Sequence[Half]) -> tuple[Fused, ...]:
    """The halves' candidates in one order, best first.

    Each half's scores are laid on 0 to 1, from its worst candidate to its best, and weighted by its
    peak: how far its best stands above the median of its candidates, as a share of its best. A half
    that finds everything equally good, as a model does in a language it was not made for, counts
    for little. There is no parameter; what was tried instead is in docs/retrieval.md.
    """
    peaks = {half.name: _peak(half) for half in halves}
    total = sum(peaks.values())
    shares: dict[int, dict[str, float]] = {}
    for half in halves:
        weight = peaks[half.name] / total if total else 1 / len(halves)
        for chunk_id, scaled in _scaled(half).items():
            shares.setdefault(chunk_id, {})[half.name] = weight * scaled
    fused = [Fused(chunk_id, sum(given.values()), given) for chunk_id, given in shares.items()]
    # The id settles ties, so that the same question always gives the same order.
    return tuple(sorted(fused, key=lambda one: (-one.score, one.chunk_id)))


def _peak(half: Half) -> float:
    if not half.scores:
        return 0.0
    best = max(half.scores.values())
    return (best - median(half.scores.values())) / best if best > 0 else 0.0


def _scaled(half: Half) -> dict[int, float]:
    if not half.scores:
        return {}
    worst, best = min(half.scores.values()), max(half.scores.values())
    if best == worst:
        return dict.fromkeys(half.scores, 1.0)
    return {chunk: (score - worst) / (best - worst) for chunk, score in half.scores.items()}
