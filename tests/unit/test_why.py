"""Why a result is there, in words."""

from __future__ import annotations

from app.retrieval.passage import Evidence
from app.retrieval.query import Mode
from app.retrieval.surroundings import SURROUNDINGS
from app.web.pages.why import reasons


def test_what_gave_to_a_score_is_told_with_its_share() -> None:
    shares = {Mode.VECTOR: 0.31, Mode.KEYWORD: 0.45, SURROUNDINGS: 0.1}
    evidence = Evidence(1, 0.62, 2, 7.41, {"tide": 7.41}, shares)
    said = {reason.name: reason.said for reason in reasons(evidence, ())}
    assert list(said) == ["Meaning", "Words", "Surroundings"]
    for name, share in zip(said, shares.values(), strict=True):
        assert said[name].endswith(f"gives {share:.2f} of the score")


def test_nothing_is_said_of_surroundings_that_gave_nothing() -> None:
    evidence = Evidence(1, 0.62, shares={Mode.VECTOR: 0.31})
    assert "Surroundings" not in {reason.name for reason in reasons(evidence, ())}
