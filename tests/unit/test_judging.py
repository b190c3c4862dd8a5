"""Which passages are right, and when one way to search is better than another."""

from __future__ import annotations

import math

import pytest

from app.documents.questions import RightPassage
from app.errors import InvalidRequest
from app.evaluation.evaluator import checked_ways
from app.evaluation.measures import Measures
from app.evaluation.outcome import Evaluated, Outcome, Way, worst_first
from app.evaluation.significance import compared, p_value
from app.evaluation.team_questions import judged, shows
from tests.fake_chat import passage

QUOTE = "The tide turns at noon on days of a new moon, and again at dusk."


def wanted(quote: str = QUOTE, document_id: int = 1) -> RightPassage:
    return RightPassage(document_id, "tides.md", quote)


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        (QUOTE, True),
        (f"Tides. {QUOTE} Ships wait.", True),
        ("The tide  turns\nat noon on days of a new moon", True),
        ("Tides are told here. The tide turns at noon on days of a new moon", True),
        ("on days of a new moon, and again at dusk. Ships wait for it.", True),
        ("again at dusk. Ships wait for it.", False),
        ("Ships wait.", False),
    ],
)
def test_a_passage_is_right_if_it_shows_the_words_that_answer_however_it_is_cut(
    text: str,
    is_right: bool,  # noqa: FBT001
) -> None:
    assert shows(passage(text, 1), wanted()) is is_right
    assert not shows(passage(text, 2), wanted())


def test_a_right_passage_counts_once_however_often_it_is_shown() -> None:
    passages = [passage("Nothing.", 2), passage(QUOTE, 1), passage(f"{QUOTE} Again.", 1)]
    measures, marks = judged(passages, [wanted()])
    assert marks == [False, True, True]
    assert measures == Measures(pytest.approx(1 / math.log2(3)), 1.0, 0.5)
    both, _ = judged(passages, [wanted(), wanted("Elsewhere entirely.", 9)])
    assert both.recall == 0.5


def test_p_is_the_share_of_all_swaps_that_differ_as_much() -> None:
    # Of the 2^3 ways to give three differences a sign, only two add up to as much.
    assert p_value([1.0, 0.5, 0.8], [0.5, 0.25, 0.4]) == pytest.approx(2 / 8)
    assert p_value([1.0, 0.0], [0.0, 1.0]) == 1.0
    assert p_value([0.3, 0.4], [0.3, 0.4]) == 1.0


def test_p_of_many_questions_is_near_that_of_the_normal_distribution() -> None:
    one = [0.5 + 0.01 * (n % 7) for n in range(100)]
    other = [0.5 + 0.01 * (n % 5) for n in range(100)]
    differences = [a - b for a, b in zip(one, other, strict=True)]
    z = abs(sum(differences)) / math.sqrt(math.fsum(d * d for d in differences))
    assert p_value(one, other) == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.01)
    assert p_value(one, other) == p_value(one, other)


def outcome(question: str, ndcg: float) -> Outcome:
    return Outcome(question, Measures(ndcg, ndcg, ndcg), (), ())


def test_the_best_way_is_compared_with_each_other_one() -> None:
    def of(way: Way, *ndcg: float) -> Evaluated:
        return Evaluated("q", way, {}, tuple(outcome(str(n), v) for n, v in enumerate(ndcg)), 1.0)

    found = compared([of(Way.VECTOR, 0.5, 0.5), of(Way.HYBRID, 1.0, 1.0), of(Way.KEYWORD, 1.0, 0)])
    assert [(each.better, each.than) for each in found] == [
        (Way.HYBRID, Way.VECTOR),
        (Way.HYBRID, Way.KEYWORD),
    ]
    assert found[0].difference == 0.5
    assert not found[0].significant  # two questions prove nothing


def test_the_worst_questions_come_first() -> None:
    outcomes = [outcome("a", 1.0), outcome("b", 0.0), outcome("c", 0.5)]
    assert [each.question for each in worst_first(outcomes)] == ["b", "c", "a"]


def test_modes_are_checked_and_each_is_run_once() -> None:
    assert checked_ways(["hybrid", "vector", "hybrid"]) == (Way.HYBRID, Way.VECTOR)
    with pytest.raises(InvalidRequest, match="'psychic'"):
        checked_ways(["psychic"])
