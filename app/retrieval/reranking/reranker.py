"""What a reranker is, and how long is waited for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, field, replace
from typing import Protocol

from app.errors import TidemarkError
from app.retrieval.passage import Passage

AT_ONCE = 4  # reranks of one process; one that hangs holds its place until its own time is out


class Reranker(Protocol):
    """A model that reads a question and a passage together."""

    @property
    def name(self) -> str:
        """What a person knows it by."""
        ...

    @property
    def most(self) -> int:
        """How many passages it is given at most."""
        ...

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each of `texts` answers, higher is better, on a scale of its own; in order.

        Raises:
            ProviderError, ProviderUnavailable: it refused, is away, or its reply is none.
            ModelUnavailable: the files of a local one cannot be used.
        """
        ...


@dataclass(frozen=True)
class Reranked:
    """The scores in the order of the texts, or none, and what happened in words."""

    scores: tuple[float, ...] | None
    told: str


@dataclass(frozen=True)
class Reranking:
    """Asks the reranker, if there is one, and goes on without it when it fails or is slow."""

    reranker: Reranker | None
    timeout: float = 5.0
    """Seconds that a search waits for it."""
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "rerank"))

    @property
    def most(self) -> int:
        """How many passages are worth bringing; 0 without a reranker."""
        return self.reranker.most if self.reranker is not None else 0

    def scores(self, question: str, texts: Sequence[str]) -> Reranked:
        if self.reranker is None or not texts:
            return Reranked(None, "nothing to rerank")
        name = self.reranker.name
        asked = self.pool.submit(self.reranker.scores, question, texts)
        try:
            scores = asked.result(self.timeout)
        except TookTooLong:
            asked.cancel()
            return Reranked(
                None, f"{name} took longer than {self.timeout:g} s: the order is as it was"
            )
        except TidemarkError as failed:
            return Reranked(None, f"{failed.message} The order is as it was")
        if len(scores) != len(texts) or not all(map(math.isfinite, scores)):
            return Reranked(None, f"{name} gave no score for each passage: the order is as it was")
        return Reranked(tuple(scores), f"the best {len(texts)} by {name}")


def in_order(passages: Sequence[Passage], scores: Sequence[float]) -> tuple[Passage, ...]:
    """The first `len(scores)` passages by their scores, the rest after them as they were.

    A passage's score is the reranker's from then on. Those after them keep their distances, below
    the worst, so that scores still fall from first to last.
    """
    # A sort keeps the order of equals: the reranker's ties stay as they were.
    first = sorted(zip(scores, passages, strict=False), key=lambda one: -one[0])
    ordered = [
        replace(
            passage,
            score=score,
            evidence=replace(passage.evidence, rerank_score=score, rank_before=passage.rank),
        )
        for score, passage in first
    ]
    rest = passages[len(scores) :]
    if rest:
        below = min(scores) - 1.0 - rest[0].score
        ordered += [replace(passage, score=below + passage.score) for passage in rest]
    return tuple(replace(passage, rank=rank) for rank, passage in enumerate(ordered, start=1))


NO_RERANKING = Reranking(None)
