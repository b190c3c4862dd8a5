"""Two rankings → one: each half counts as much as its best stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Half:
    """What one retriever found: scores by chunk, higher is better, on a scale of its own.

    `floor` is the score of what it did not find, where that is known: to BM25 a chunk without any
    of the words is worth 0, while the cosine of a chunk beyond the nearest is only lower. `most` is
    what no score can exceed, where the halves are to be held against that. `around` is what to add
    to each score for it: a question's words may be spread over chunks that stand together.
    """

    name: str
    scores: Mapping[int, float]
    floor: float | None = None
    most: float | None = None
    around: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Fused:
    """A chunk's score after fusion, 0 to 1, and what each half gave to it, by the half's name."""

    chunk_id: int
    score: float
    shares: Mapping[str, float]


def fuse(halves: Sequence[Half]) -> tuple[Fused, ...]:
    """The halves' candidates in one order, best first.

    Each half's scores are laid on 0 to 1, from its floor or its worst candidate to its best, and
    weighted by its peak: how far its best stands above the median of its candidates, as a share of
    its best; or, where each half says what that is, of the most that a score can be. A half that
    finds everything equally good, as a model does in a language that it was not made for, counts
    for little. There is no parameter; what was tried instead, and what each gave, is in
    docs/retrieval.md.
    """
    candidates = max((len(half.scores) for half in halves), default=0)
    absolute = all(half.most or not half.scores for half in halves)
    peaks = {half.name: _peak(half, candidates, absolute=absolute) for half in halves}
    total = sum(peaks.values())
    shares: dict[int, dict[str, float]] = {}
    for half in halves:
        weight = peaks[half.name] / total if total else 1 / len(halves)
        for chunk_id, scaled in _scaled(half).items():
            shares.setdefault(chunk_id, {})[half.name] = weight * scaled
    fused = [Fused(chunk_id, sum(given.values()), given) for chunk_id, given in shares.items()]
    # The id settles ties, so that the same question always gives the same order.
    return tuple(sorted(fused, key=lambda one: (-one.score, one.chunk_id)))


def _peak(half: Half, candidates: int, *, absolute: bool) -> float:
    around = half.around if absolute else {}
    scores = [score + around.get(chunk, 0.0) for chunk, score in half.scores.items()]
    if half.floor is not None:
        scores += [half.floor] * (candidates - len(scores))
    best = max(scores, default=0.0)
    if best <= 0:
        return 0.0
    return (best - median(scores)) / ((absolute and half.most) or best)


def _scaled(half: Half) -> dict[int, float]:
    if not half.scores:
        return {}
    best = max(half.scores.values())
    floor = min(half.scores.values()) if half.floor is None else half.floor
    if best == floor:
        return dict.fromkeys(half.scores, 1.0)
    return {chunk: (score - floor) / (best - floor) for chunk, score in half.scores.items()}
