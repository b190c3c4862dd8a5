"""Synonyms: what a group may be, and what a question is given by it."""

from __future__ import annotations

import pytest

from app.documents.synonyms import MOST_WORDS, checked_synonyms, dump, load
from app.errors import InvalidRequest
from app.retrieval.synonyms import related

GROUPS = (
    ("harbour", "port", "safe haven"),
    ("WWTP", "waste water treatment plant"),
    ("港口", "码头"),
)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("How deep is the harbour?", ("port", "safe haven")),
        ("HARBOURS in winter", ("port", "safe haven")),
        ("a safe, small haven", ()),
        ("a safe haven", ("harbour", "port")),
        ("harbour or port", ("safe haven",)),
        ("Where is the waste water treatment plant?", ("WWTP",)),
        ("the wwtp", ("waste water treatment plant",)),
        ("在港口等待", ("码头",)),
        ("important transports", ()),
        ("", ()),
    ],
)
def test_a_question_is_given_the_synonyms_of_what_it_has(
    question: str, found: tuple[str, ...]
) -> None:
    assert related(question, GROUPS) == found


def test_groups_are_kept_as_they_were_written_without_what_is_empty_or_doubled() -> None:
    kept = checked_synonyms([["  harbour ", "port", "port", ""], [], [""], ["safe \n haven", "x"]])
    assert kept == (("harbour", "port"), ("safe haven", "x"))
    assert load(dump(kept)) == kept
    assert load(dump(())) == ()


@pytest.mark.parametrize(
    "groups", [[["alone"]], [["x" * 101, "y"]], [[str(n) for n in range(MOST_WORDS + 1)]]]
)
def test_a_group_that_cannot_be_one_is_refused(groups: list[list[str]]) -> None:
    with pytest.raises(InvalidRequest):
        checked_synonyms(groups)
