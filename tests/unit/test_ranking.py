"""One ranking of what several indexes gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from app.indexes.index import Index, IndexState
from app.indexes.keyword_search import WordMatch
from app.indexes.recipe import Recipe
from app.indexes.vector_search import Neighbour
from app.retrieval.query import Mode
from app.retrieval.ranking import Halves, ranked

ONE = Index(1, 1, Recipe("local/m", 8, "", "", 100), IndexState.ACTIVE)
SAME_MODEL = replace(ONE, id=2, knowledge_base_id=2)
OTHER_MODEL = replace(ONE, id=3, recipe=replace(ONE.recipe, model="openai/n"))


def halves(index: Index, near: Mapping[int, float], words: Mapping[int, float]) -> Halves:
    return Halves(
        index,
        tuple(Neighbour(chunk, similarity) for chunk, similarity in near.items()),
        tuple(WordMatch(chunk, score) for chunk, score in words.items()),
    )


@pytest.mark.parametrize("mode", list(Mode))
def test_indexes_of_one_model_are_ranked_as_if_they_were_one(mode: Mode) -> None:
    near, words = {1: 0.9, 2: 0.7, 3: 0.6, 4: 0.2}, {3: 7.0, 2: 4.0, 5: 1.0}
    if mode is Mode.VECTOR:
        words = {}
    if mode is Mode.KEYWORD:
        near = {}
    whole = ranked(mode, [halves(ONE, near, words)], 100)
    apart = ranked(
        mode,
        [
            halves(
                index, *({c: s for c, s in half.items() if c % 2 == odd} for half in (near, words))
            )
            for odd, index in enumerate((ONE, SAME_MODEL))
        ],
        100,
    )
    assert apart.fused == whole.fused
    assert [apart.evidence(one) for one in apart.fused] == [
        whole.evidence(one) for one in whole.fused
    ]
    assert all(apart.index_of[one.chunk_id].id == 1 + one.chunk_id % 2 for one in apart.fused)


def test_the_best_of_different_models_take_turns() -> None:
    ranking = ranked(
        Mode.VECTOR,
        [halves(ONE, {1: 0.9, 2: 0.8, 3: 0.7}, {}), halves(OTHER_MODEL, {11: 0.2, 12: 0.1}, {})],
        100,
    )
    assert [one.chunk_id for one in ranking.fused] == [1, 11, 2, 12, 3]
    scores = [one.score for one in ranking.fused]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1
    assert [ranking.evidence(one).similarity for one in ranking.fused] == [0.9, 0.2, 0.8, 0.1, 0.7]


def test_no_half_keeps_more_than_its_limit() -> None:
    found = [halves(ONE, {1: 0.9, 2: 0.5}, {}), halves(SAME_MODEL, {3: 0.8, 4: 0.7}, {})]
    assert [one.chunk_id for one in ranked(Mode.VECTOR, found, 3).fused] == [1, 3, 4]


def test_halves_are_held_against_the_most_there_can_be_only_where_the_model_understands() -> None:
    """In a language that it was made for, and where the highest BM25 score is known."""
    near = tuple(Neighbour(chunk, 0.8 - 0.1 * chunk) for chunk in range(1, 5))

    def first(*, understood: bool, highest: float | None) -> int:
        words = (WordMatch(9, 2.0, highest),)
        return ranked(Mode.HYBRID, [Halves(ONE, near, words, understood)], 100).fused[0].chunk_id

    assert first(understood=True, highest=20.0) == 1
    assert first(understood=True, highest=2.5) == 9
    assert first(understood=True, highest=None) == 9
    assert first(understood=False, highest=20.0) == 9
