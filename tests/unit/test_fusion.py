"""Two rankings → one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.fusion import Fused, Half, fuse


def order(*halves: Half) -> list[int]:
    return [one.chunk_id for one in fuse(halves)]


def test_what_both_halves_find_comes_first() -> None:
    meaning = Half("vector", {1: 0.8, 2: 0.7, 3: 0.3, 4: 0.2})
    words = Half("keyword", {2: 9.0, 5: 6.0, 6: 2.0}, floor=0.0)
    assert order(meaning, words)[0] == 2


def test_a_half_that_finds_everything_equally_good_hardly_counts() -> None:
    lost = Half("vector", {chunk: 0.50 - chunk / 10_000 for chunk in range(1, 50)})
    sure = Half("keyword", {60: 12.0, 61: 3.0, 62: 2.0}, floor=0.0)
    assert order(lost, sure)[0] == 60


def test_words_that_hardly_cover_the_question_count_less_where_that_is_known() -> None:
    near = {1: 0.7, 2: 0.4, 3: 0.3, 4: 0.2}
    found = {5: 3.0, 6: 1.0}
    assert order(Half("vector", near), Half("keyword", found, 0.0))[0] == 5
    assert order(Half("vector", near, most=1.0), Half("keyword", found, 0.0, most=12.0))[0] == 1
    assert order(Half("vector", near, most=1.0), Half("keyword", found, 0.0, most=3.5))[0] == 5
    assert order(Half("vector", near, most=1.0), Half("keyword", {}, 0.0)) == [1, 2, 3, 4]


def test_one_half_alone_is_not_held_against_the_most_there_can_be() -> None:
    near, found = {1: 0.7, 2: 0.4, 3: 0.3, 4: 0.2}, {5: 3.0, 6: 1.0}
    words = Half("keyword", found, 0.0)
    assert fuse([Half("vector", near, most=1.0), words]) == fuse([Half("vector", near), words])


def test_words_that_cover_the_question_only_with_what_stands_around_them_count_for_more() -> None:
    near, words = {1: 0.7, 2: 0.4, 3: 0.3, 4: 0.2}, {5: 3.0, 6: 1.0}
    meaning = Half("vector", near, most=1.0)
    assert order(meaning, Half("keyword", words, 0.0, most=8.0))[0] == 1
    assert order(meaning, Half("keyword", words, 0.0, most=8.0, around={5: 3.0}))[0] == 5
    # In another language a half is held against its own best, and that is one chunk.
    for around in ({}, {6: 90.0}):
        assert order(Half("vector", near), Half("keyword", words, 0.0, around=around))[0] == 5


def test_a_half_without_candidates_leaves_the_other_as_it_is() -> None:
    meaning = Half("vector", {1: 0.8, 2: 0.7, 3: 0.3})
    assert order(meaning, Half("keyword", {}, floor=0.0)) == [1, 2, 3]


def test_nothing_found_is_an_empty_ranking() -> None:
    assert fuse([Half("vector", {}), Half("keyword", {}, floor=0.0)]) == ()


def test_ties_are_settled_by_the_id() -> None:
    assert order(Half("vector", {9: 0.5, 3: 0.5, 7: 0.5})) == [3, 7, 9]


scores = st.dictionaries(st.integers(1, 30), st.floats(0.01, 100), max_size=20)


@given(meaning=scores, words=scores)
def test_shares_add_up_to_the_score_which_lies_between_0_and_1(
    meaning: dict[int, float], words: dict[int, float]
) -> None:
    fused = fuse([Half("vector", meaning), Half("keyword", words, floor=0.0)])
    assert {one.chunk_id for one in fused} == {*meaning, *words}
    for one in fused:
        assert isinstance(one, Fused)
        assert sum(one.shares.values()) == pytest.approx(one.score)
        assert 0 <= one.score <= 1 + 1e-9
