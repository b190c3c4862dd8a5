"""The measures, against pytrec_eval as a second implementation."""

from __future__ import annotations

import math

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evaluation.measures import Measures, means, measured, ndcg, recall, reciprocal_rank
from app.evaluation.run import ranked

DOCUMENTS = st.text("abcZ019é文", min_size=1, max_size=3)
# Few and coarse, so that ties are common; exact as the 32-bit floats that trec_eval keeps.
SCORES = st.one_of(st.sampled_from([0.0, 0.25, 0.5]), st.floats(-2, 2, width=32))
RUN = st.dictionaries(DOCUMENTS, SCORES, min_size=1, max_size=30)
JUDGED = st.dictionaries(DOCUMENTS, st.integers(0, 4), min_size=1, max_size=30)


def theirs(run: dict[str, float], judged: dict[str, int], k: int) -> tuple[float, float, float]:
    """The same measures of one question by trec_eval's own code."""
    evaluator = pytrec_eval.RelevanceEvaluator(
        {"q": judged}, {f"ndcg_cut.{k}", f"recall.{k}", "recip_rank"}
    )
    measures = evaluator.evaluate({"q": run})["q"]
    # It knows no reciprocal rank with a cut-off: beyond the cut, nothing is found.
    cut = measures["recip_rank"] if measures["recip_rank"] >= 1 / k - 1e-9 else 0.0
    return measures[f"ndcg_cut_{k}"], measures[f"recall_{k}"], cut


@settings(deadline=None)  # processors may be busy with other tests
@given(run=RUN, judged=JUDGED, k=st.sampled_from([1, 3, 10]))
def test_the_measures_are_those_of_trec_eval(
    run: dict[str, float], judged: dict[str, int], k: int
) -> None:
    ranking = [document for document, _ in ranked(run, len(run))]
    ours = ndcg(ranking, judged, k), recall(ranking, judged, k), reciprocal_rank(ranking, judged, k)
    assert ours == pytest.approx(theirs(run, judged, k), abs=1e-6)


@settings(deadline=None)  # processors may be busy with other tests
@given(run=st.dictionaries(DOCUMENTS, st.floats(-1, 1), min_size=2, max_size=30), judged=JUDGED)
def test_scores_that_differ_less_than_trec_eval_can_tell_are_ties_to_us_too(
    run: dict[str, float], judged: dict[str, int]
) -> None:
    first = min(run)
    run = {document: run[first] * (1 + 1e-12 * i) for i, document in enumerate(run)}
    ranking = [document for document, _ in ranked(run, len(run))]
    assert ndcg(ranking, judged, 10) == pytest.approx(theirs(run, judged, 10)[0], abs=1e-6)


def test_a_grade_counts_as_it_is_and_not_as_a_power() -> None:
    relevance = {"best": 3, "good": 1}
    expected = (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))
    assert ndcg(["good", "best"], relevance, 10) == pytest.approx(expected)


def test_a_negative_grade_is_not_relevant() -> None:
    assert measured(["spam"], {"spam": -2, "ham": 1}) == Measures(0, 0, 0)


def test_a_question_without_anything_relevant_counts_as_nothing_found() -> None:
    assert measured(["a"], {"a": 0}) == Measures(0, 0, 0)


def test_a_question_that_found_nothing_counts_in_the_mean() -> None:
    found, nothing = measured(["a"], {"a": 1}), measured([], {"a": 1})
    assert means([found, nothing]) == Measures(0.5, 0.5, 0.5)


def test_what_stands_beyond_the_tenth_place_does_not_count() -> None:
    ranking = [f"other {n}" for n in range(10)] + ["a"]
    assert measured(ranking, {"a": 1}) == Measures(0, 0, 0)
