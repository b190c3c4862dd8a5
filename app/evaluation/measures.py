"""Measures of a ranking against judgements, as trec_eval and BEIR define them.

Formulas: `ndcg_cut`, `recall` and `recip_rank` of trec_eval (github.com/usnistgov/trec_eval, its
`m_ndcg_cut.c`, `m_recall.c`, `m_recip_rank.c`), which BEIR runs through pytrec_eval
(Thakur et al. 2021, arXiv:2104.08663).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Relevance = Mapping[str, int]
"""How relevant a question's documents are, by id: from 1 up relevant; who is not named is not."""

CUTOFF = 10


@dataclass(frozen=True)
class Measures:
    """nDCG, recall and reciprocal rank at `CUTOFF`, from 0 to 1: of one question, or means."""

    ndcg: float
    recall: float
    reciprocal_rank: float


def ndcg(ranking: Sequence[str], relevance: Relevance, k: int) -> float:
    """Normalised discounted cumulative gain of the first `k`: gain / log2(rank + 1), ranks from 1.

    The gain is the relevance itself, as in trec_eval, not 2^relevance - 1 (Järvelin and Kekäläinen
    2002, doi:10.1145/582415.582418). 0 where nothing is relevant.
    """
    ideal = _discounted(sorted(relevance.values(), reverse=True)[:k])
    if ideal == 0:
        return 0.0
    return _discounted([relevance.get(document, 0) for document in ranking[:k]]) / ideal


def recall(ranking: Sequence[str], relevance: Relevance, k: int) -> float:
    """How many of the relevant documents are among the first `k`; 0 where nothing is relevant."""
    relevant = {document for document, grade in relevance.items() if grade > 0}
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], relevance: Relevance, k: int) -> float:
    """1 / the rank of the first relevant document, if it is among the first `k`; else 0."""
    for rank, document in enumerate(ranking[:k], start=1):
        if relevance.get(document, 0) > 0:
            return 1 / rank
    return 0.0


def measured(ranking: Sequence[str], relevance: Relevance) -> Measures:
    """All measures of one question's ranking, best first."""
    return Measures(
        ndcg=ndcg(ranking, relevance, CUTOFF),
        recall=recall(ranking, relevance, CUTOFF),
        reciprocal_rank=reciprocal_rank(ranking, relevance, CUTOFF),
    )


def means(of_questions: Sequence[Measures]) -> Measures:
    """The mean of each measure over all judged questions; one that found nothing counts 0.

    So trec_eval counts with `-c`, which is how collections are reported.
    """
    count = len(of_questions)
    return Measures(
        ndcg=math.fsum(one.ndcg for one in of_questions) / count,
        recall=math.fsum(one.recall for one in of_questions) / count,
        reciprocal_rank=math.fsum(one.reciprocal_rank for one in of_questions) / count,
    )


def _discounted(gains: Sequence[int]) -> float:
    return math.fsum(
        gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1) if gain > 0
    )
