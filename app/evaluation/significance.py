"""A paired randomisation test: is one way better than another, or was it luck?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.evaluation.outcome import Comparison, Evaluated

TRIALS = 10_000
EXACT_UP_TO = 13  # questions: all 2^13 ways to swap are fewer than the trials
_SEED = 20_070  # the same figures give the same answer


def p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """How often swapping the two at random, question by question, differs as much as they do.

    Two-sided, of the difference of means (Smucker, Allan and Carterette 2007,
    doi:10.1145/1321440.1321528): of all ways to swap where they are few, of `TRIALS` else.
    """
    differences = np.subtract(one, other)
    differences = differences[differences != 0]
    if not differences.size:
        return 1.0
    if differences.size <= EXACT_UP_TO:
        numbers = np.arange(2**differences.size)[:, None]
        signs = 1 - 2 * ((numbers >> np.arange(differences.size)) & 1)
    else:
        random = np.random.default_rng(_SEED)
        signs = random.choice((-1, 1), (TRIALS, differences.size))
    seen = abs(differences.sum()) - 1e-9
    as_large = int((np.abs(signs @ differences) >= seen).sum())
    if differences.size <= EXACT_UP_TO:
        return as_large / len(signs)
    return (as_large + 1) / (TRIALS + 1)  # what was seen is one of the ways, too


def compared(evaluated: Sequence[Evaluated]) -> tuple[Comparison, ...]:
    """The best against each of the others, which were asked the same questions."""
    ordered = sorted(evaluated, key=lambda each: -each.measures.ndcg)
    return tuple(
        Comparison(
            ordered[0].way,
            other.way,
            ordered[0].measures.ndcg - other.measures.ndcg,
            p_value(_ndcg(ordered[0]), _ndcg(other)),
        )
        for other in ordered[1:]
    )


def _ndcg(evaluated: Evaluated) -> list[float]:
    return [outcome.measures.ndcg for outcome in evaluated.outcomes]
