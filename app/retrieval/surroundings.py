"""A chunk counts for more where what stands around it in its document was found too.

What answers a question often stands in a chunk whose subject is named in the one before. Only
chunks that were found count, so nothing more is read. What was tried, and what it gave, is in
docs/chunking.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.indexes.chunk_table import chunk_ids_at
from app.retrieval.fusion import Fused

SURROUNDINGS = "surroundings"
"""The name of their share of a score, beside those of the halves."""
SHARE = 0.15
"""How much of its own score the better of the two chunks beside a chunk gives to it. The better of
the two beyond them gives half of that, and no other anything."""
WORDS = 0.7
"""The same, where it is told how much of a question's words a chunk has with what is around it."""
FALL = (1.0, 0.5)


def around(scores: Mapping[int, float], share: float) -> dict[int, float]:
    """What is given to each chunk by those around it; those without a score have 0."""
    return {
        chunk: sum(
            share * fall * max(scores.get(each, 0.0) for each in chunk_ids_at(distance, chunk))
            for distance, fall in enumerate(FALL, start=1)
        )
        for chunk in scores
    }


def with_surroundings(fused: Sequence[Fused]) -> tuple[Fused, ...]:
    """The same chunks, each with a part of the scores of those around it, best first.

    Scores stay within 0 and 1: where the best would pass 1, all are made smaller alike.
    """
    own = {one.chunk_id: one.score for one in fused}
    given = around(own, SHARE)
    scale = max([1.0, *(own[chunk] + given[chunk] for chunk in own)])
    found = []
    for one in fused:
        also = {SURROUNDINGS: given[one.chunk_id]} if given[one.chunk_id] else {}
        shares = {name: share / scale for name, share in {**one.shares, **also}.items()}
        found.append(Fused(one.chunk_id, (one.score + given[one.chunk_id]) / scale, shares))
    # The id settles ties, so that the same question always gives the same order.
    return tuple(sorted(found, key=lambda one: (-one.score, one.chunk_id)))
