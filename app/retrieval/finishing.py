"""Passages in their order → results: reranked, and gathered for people to read."""

from __future__ import annotations

from dataclasses import replace

from app.indexes.hits import HitReader
from app.retrieval.clock import Clock
from app.retrieval.gathering import as_one, by_document, folded, joined
from app.retrieval.passage import Passage
from app.retrieval.query import Grouping, Query
from app.retrieval.reranking import Reranking, in_order


def reranked(
    reranking: Reranking, query: Query, passages: tuple[Passage, ...], clock: Clock
) -> tuple[Passage, ...]:
    """The best of them in the reranker's order, and after them the others as they were."""
    most = reranking.most if query.rerank else 0
    if not most or not passages:
        return passages
    with clock.stage("rerank") as told:
        found = reranking.scores(query.text, [each.text for each in passages[:most]])
        told.append(found.told)
    return in_order(passages, found.scores) if found.scores else passages


def gathered(
    hits: HitReader, grouping: Grouping, passages: tuple[Passage, ...]
) -> tuple[Passage, ...]:
    """Near-identical passages once, those that stand together as one; or one for each document."""
    groups = joined(folded(passages))
    places = [(g[0].revision_id, g[0].start, g[-1].end) for g in groups if len(g) > 1]
    texts = iter(hits.stretches(places))
    found: list[Passage] = []
    for group in groups:
        text = next(texts) if len(group) > 1 else ""
        # A revision that was cleared meanwhile has no text any more: its chunks stay apart.
        found += [as_one(group, text)] if text else group
    if grouping is Grouping.DOCUMENT:
        found = by_document(found)
    return tuple(replace(each, rank=rank) for rank, each in enumerate(found, start=1))
