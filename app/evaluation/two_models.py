"""How the same passages rank for one question under two embedding models, without any index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.embedding.embedder import Embedder
from app.retrieval.passage import Passage


@dataclass(frozen=True)
class Placed:
    """A passage with its ranks, from 1, and its cosines to the question under both models."""

    passage: Passage
    ranks: tuple[int, int]
    cosines: tuple[float, float]


@dataclass(frozen=True)
class TwoModels:
    """`agreement` is Spearman's rank correlation: 1 for the same order, -1 for the reverse."""

    placed: tuple[Placed, ...]
    agreement: float


def ranked_by_two(
    question: str, passages: Sequence[Passage], one: Embedder, other: Embedder
) -> TwoModels:
    """The passages in the order of the first model, with their places in the other's.

    Raises:
        ProviderError: one of the models cannot be asked.
    """
    cosines = [_cosines(question, passages, embedder) for embedder in (one, other)]
    ranks = [_ranks(each) for each in cosines]
    placed = [
        Placed(
            passage,
            (ranks[0][at], ranks[1][at]),
            (float(cosines[0][at]), float(cosines[1][at])),
        )
        for at, passage in enumerate(passages)
    ]
    many = len(placed)
    apart = sum((a - b) ** 2 for a, b in (each.ranks for each in placed))
    agreement = 1 - 6 * apart / (many * (many**2 - 1)) if many > 1 else 1.0
    return TwoModels(tuple(sorted(placed, key=lambda each: each.ranks[0])), agreement)


def _cosines(question: str, passages: Sequence[Passage], embedder: Embedder) -> np.ndarray:
    vectors = np.array(embedder.embed_documents([passage.text for passage in passages]))
    found: np.ndarray = vectors @ np.array(embedder.embed_query(question))
    return found


def _ranks(cosines: np.ndarray) -> list[int]:
    order = np.argsort(-cosines, kind="stable")
    ranks = [0] * len(order)
    for rank, at in enumerate(order, start=1):
        ranks[int(at)] = rank
    return ranks
