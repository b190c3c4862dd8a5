"""A chunk counts for more where what stands around it in its document was found too.

What answers a question often stands in a chunk whose subject is named in the one before. Only
chunks that were found count, so nothing more is read. What was tried, and what it gave, is in
docs/chunking.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.indexes.chunk_table import revision_of
from app.retrieval.fusion import Fused

SURROUNDINGS = "surroundings"
"""The name of their share of a score, beside those of the halves."""
SHARE = 0.2
"""How much of its own score the better of the two chunks beside a chunk gives to it. The better of
the two beyond them gives half of that, and no other anything."""
WORDS = 0.7
"""The same, where it is told how much of a question's words a chunk has with what is around it."""
FALL = (1.0, 0.5)


def around(scores: Mapping[int, float], share: float) -> dict[int, float]:
    """What is given to each chunk by those around it; those without a score have 0."""
    given = dict.fromkeys(scores, 0.0)
    for chunk in scores:
        for distance, fall in enumerate(FALL, start=1):
            beside = [
                scores[each]
                for each in (chunk - distance, chunk + distance)
                if each in scores and revision_of(each) == revision_of(chunk)
            ]
            if beside:
                given[chunk] += share * fall * max(beside)
    return given


def with_surroundings(fused: Sequence[Fused]) -> tuple[Fused, ...]:
    """The same chunks, each with a part of the scores of those around it, best first.

    The best chunk of each document keeps the score that the document's best one had, and the others
    go with it: so what is long gains nothing over what is short, and all stays within 0 and 1.
    """
    own = {one.chunk_id: one.score for one in fused}
    given = around(own, SHARE)
    before: dict[int, float] = {}
    after: dict[int, float] = {}
    for chunk, score in own.items():
        revision = revision_of(chunk)
        before[revision] = max(before.get(revision, 0.0), score)
        after[revision] = max(after.get(revision, 0.0), score + given[chunk])
    found = []
    for one in fused:
        also = given[one.chunk_id]
        revision = revision_of(one.chunk_id)
        scale = before[revision] / after[revision] if after[revision] else 1.0
        parts = {**one.shares, SURROUNDINGS: also} if also else one.shares
        shares = {name: scale * share for name, share in parts.items()}
        found.append(Fused(one.chunk_id, scale * (one.score + also), shares))
    # The id settles ties, so that the same question always gives the same order.
    return tuple(sorted(found, key=lambda one: (-one.score, one.chunk_id)))
