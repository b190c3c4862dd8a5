"""What stands around a chunk counts for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.indexes.chunk_table import chunk_id
from app.retrieval.fusion import Fused
from app.retrieval.surroundings import SHARE, SURROUNDINGS, with_surroundings

NEXT, BEYOND = SHARE, SHARE / 2


def scores(*own: tuple[int, int, float]) -> dict[tuple[int, int], float]:
    """Those with surroundings, of chunks by revision and place, best first."""
    fused = [Fused(chunk_id(rev, place), score, {"vector": score}) for rev, place, score in own]
    names = {chunk_id(rev, place): (rev, place) for rev, place, _ in own}
    return {names[one.chunk_id]: one.score for one in with_surroundings(fused)}


def test_of_two_equal_chunks_of_a_document_the_one_beside_a_good_one_comes_first() -> None:
    found = scores((1, 4, 0.6), (1, 5, 0.4), (1, 20, 0.4))
    scale = 0.6 / (0.6 + NEXT * 0.4)
    assert found == pytest.approx(
        {(1, 4): 0.6, (1, 5): scale * (0.4 + NEXT * 0.6), (1, 20): scale * 0.4}
    )


def test_the_chunk_beyond_the_next_gives_less_and_those_further_off_nothing() -> None:
    found = scores((1, 0, 0.6), (1, 2, 0.2), (1, 30, 0.2), (1, 33, 0.1))
    scale = 0.6 / (0.6 + BEYOND * 0.2)
    assert found[1, 2] == pytest.approx(scale * (0.2 + BEYOND * 0.6))
    assert found[1, 30] == pytest.approx(scale * 0.2)


def test_of_two_neighbours_the_better_one_counts_so_that_a_document_s_edge_is_no_loss() -> None:
    found = scores((1, 0, 0.3), (1, 1, 0.3), (1, 9, 0.3), (1, 10, 0.3), (1, 20, 0.5))
    assert found[1, 0] == found[1, 1] == found[1, 9] == found[1, 10]
    found = scores((1, 0, 0.3), (1, 1, 0.4), (1, 2, 0.2), (1, 20, 0.5))
    assert found[1, 1] == pytest.approx(0.4 + NEXT * 0.3)


def test_the_best_of_a_long_document_gains_nothing_over_a_short_one() -> None:
    found = scores((1, 0, 0.61), (2, 0, 0.6), (2, 1, 0.59), (2, 2, 0.58))
    assert found[1, 0] == 0.61
    assert max(score for (rev, _), score in found.items() if rev == 2) == pytest.approx(0.6)


def test_the_last_chunk_of_a_revision_is_no_neighbour_of_the_first_of_the_next() -> None:
    last = chunk_id(2, 0) - 1
    fused = [Fused(last, 0.5, {}), Fused(chunk_id(2, 0), 0.5, {})]
    assert [one.score for one in with_surroundings(fused)] == [0.5, 0.5]


def test_where_every_document_is_one_chunk_nothing_changes() -> None:
    fused = [Fused(chunk_id(rev, 0), 1 / rev, {"keyword": 1 / rev}) for rev in range(1, 9)]
    assert with_surroundings(fused) == tuple(fused)


def test_nothing_found_has_nothing_around_it() -> None:
    assert with_surroundings([]) == ()


def test_ties_are_settled_by_the_id() -> None:
    assert list(scores((9, 0, 0.5), (3, 0, 0.5), (7, 0, 0.5))) == [(3, 0), (7, 0), (9, 0)]


@given(
    st.dictionaries(
        st.tuples(st.integers(1, 2), st.integers(0, 6)), st.floats(0, 1), min_size=1, max_size=12
    )
)
def test_shares_add_up_to_the_score_which_lies_between_0_and_1(
    own: dict[tuple[int, int], float],
) -> None:
    fused = [
        Fused(chunk_id(*place), score, {"vector": score / 3, "keyword": 2 * score / 3})
        for place, score in own.items()
    ]
    found = with_surroundings(fused)
    assert {one.chunk_id for one in found} == {one.chunk_id for one in fused}
    for one in found:
        assert sum(one.shares.values()) == pytest.approx(one.score)
        assert 0 <= one.score <= 1 + 1e-9
        assert set(one.shares) <= {"vector", "keyword", SURROUNDINGS}
