"""What indexes gave by meaning and by words → one ranking, with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.indexes.index import Index
from app.indexes.keyword_search import WordMatch
from app.indexes.recipe import Recipe
from app.indexes.vector_search import Neighbour
from app.retrieval.fusion import Fused, Half, fuse
from app.retrieval.passage import Evidence
from app.retrieval.query import Mode
from app.retrieval.surroundings import WORDS, around, with_surroundings

K = 60
"""Of reciprocal rank fusion: Cormack, Clarke and Büttcher (2009)."""


@dataclass(frozen=True)
class Halves:
    """What one index gave, best first; nothing by a half that was not asked.

    `understood` is whether the model was made for the language of the question and of the texts.
    """

    index: Index
    neighbours: tuple[Neighbour, ...] = ()
    matches: tuple[WordMatch, ...] = ()
    understood: bool = False


@dataclass(frozen=True)
class Ranking:
    """Chunks, best first. `neighbours` and `matches` have each one's rank in its half."""

    fused: tuple[Fused, ...]
    neighbours: Mapping[int, tuple[int, Neighbour]]
    matches: Mapping[int, tuple[int, WordMatch]]
    index_of: Mapping[int, Index]

    def evidence(self, one: Fused) -> Evidence:
        """All of it but what each word gave."""
        near, match = self.neighbours.get(one.chunk_id), self.matches.get(one.chunk_id)
        return Evidence(
            vector_rank=near[0] if near else None,
            similarity=near[1].similarity if near else None,
            keyword_rank=match[0] if match else None,
            bm25=match[1].score if match else None,
            shares=one.shares,
        )


def ranked(mode: Mode, found: Sequence[Halves], limit: int) -> Ranking:
    """One ranking of what several indexes gave, as if they were one index.

    That holds for those of the same embedding model, whose cosines can be compared. The rankings of
    different models take turns: each chunk counts by its rank alone (reciprocal rank fusion).
    """
    groups: dict[tuple[object, ...], list[Halves]] = {}
    for one in found:
        groups.setdefault(_space(one.index.recipe), []).append(one)
    rankings = [_of_one_model(mode, group, limit) for group in groups.values()]
    if len(rankings) == 1:
        return rankings[0]
    by_rank = [
        replace(one, score=(K + 1) / (K + rank))
        for ranking in rankings
        for rank, one in enumerate(ranking.fused, start=1)
    ]
    return Ranking(
        tuple(sorted(by_rank, key=lambda one: (-one.score, one.chunk_id))),
        {chunk: near for each in rankings for chunk, near in each.neighbours.items()},
        {chunk: match for each in rankings for chunk, match in each.matches.items()},
        {chunk: index for each in rankings for chunk, index in each.index_of.items()},
    )


def _space(recipe: Recipe) -> tuple[object, ...]:
    """What vectors must have in common for their cosines to be compared."""
    return recipe.model, recipe.dimensions, recipe.query_prefix, recipe.document_prefix


def _of_one_model(mode: Mode, found: Sequence[Halves], limit: int) -> Ranking:
    # The id settles ties, so that the same question always gives the same order.
    near = sorted(
        (n for one in found for n in one.neighbours), key=lambda n: (-n.similarity, n.chunk_id)
    )[:limit]
    matches = sorted(
        (m for one in found for m in one.matches), key=lambda m: (-m.score, m.chunk_id)
    )[:limit]
    if mode is Mode.HYBRID:
        # A cosine tells how good the best is only in a language that the model was made for, and
        # a BM25 score how much of the question it has, if its highest is known. Then both do.
        understood = all(one.understood for one in found)
        highest = max((one.highest or 0.0 for one in matches), default=None)
        most = (1.0, highest) if understood else (None, None)
        by_meaning = {one.chunk_id: one.similarity for one in near}
        by_words = {one.chunk_id: one.score for one in matches}
        halves = [
            Half(Mode.VECTOR, by_meaning, None, most[0]),
            Half(Mode.KEYWORD, by_words, 0.0, most[1], around(by_words, WORDS)),
        ]
        fused = with_surroundings(fuse(halves))
    else:
        fused = tuple(
            [Fused(one.chunk_id, one.similarity, {}) for one in near]
            + [Fused(one.chunk_id, one.score, {}) for one in matches]
        )
    return Ranking(
        fused,
        {one.chunk_id: (rank, one) for rank, one in enumerate(near, start=1)},
        {one.chunk_id: (rank, one) for rank, one in enumerate(matches, start=1)},
        {chunk: one.index for one in found for chunk in _chunks(one)},
    )


def _chunks(one: Halves) -> Iterable[int]:
    yield from (each.chunk_id for each in one.neighbours)
    yield from (each.chunk_id for each in one.matches)
