"""Follow-ups that point back are put so that they stand by themselves; others are left alone."""

from __future__ import annotations

import pytest

from app.answering.standalone import Standalone
from app.errors import ProviderUnavailable
from tests.fake_chat import FakeGenerator

BEFORE = ["Who keeps the lighthouse at Kelp Harbour?"]


def test_a_question_that_stands_by_itself_asks_no_model() -> None:
    model = FakeGenerator("Something else?")
    question = "How much does the harbour ferry to Rotterdam cost?"
    assert Standalone(model).rewrite(question, BEFORE) == question
    assert Standalone(model).rewrite("And her?", []) == "And her?"
    assert model.told == []


@pytest.mark.parametrize("question", ["And when was she born?", "Und wann wurde sie geboren?"])
def test_without_a_model_the_words_of_the_question_before_are_added(question: str) -> None:
    said = Standalone(None).rewrite(question, BEFORE)
    assert said == f"{question} (keeps lighthouse Kelp Harbour)"


def test_a_model_rewrites_what_points_back() -> None:
    model = FakeGenerator(' "2. When was the keeper of the lighthouse born?"')
    said = Standalone(model).rewrite("And when was she born?", BEFORE)
    assert said == "When was the keeper of the lighthouse born?"


@pytest.mark.parametrize("reply", ["Sure!\nHere it is: when?", "x" * 5000, "  "])
def test_what_a_model_says_beside_the_question_is_not_used(reply: str) -> None:
    model = FakeGenerator(reply)
    said = Standalone(model).rewrite("And when was she born?", BEFORE)
    assert said.startswith("And when was she born? (")
    assert model.closed


def test_a_model_that_fails_costs_no_answer() -> None:
    model = FakeGenerator("When?", error=ProviderUnavailable("It is down."), error_at=0)
    said = Standalone(model).rewrite("And when was she born?", BEFORE)
    assert said.startswith("And when was she born? (")
