"""A question of several parts is looked for in parts, by a bounded number of calls."""

from __future__ import annotations

import pytest

from app.answering.answer import Answer
from app.answering.answer_events import Answered, AnswerEvent, Divided
from app.answering.answerer import Answerer
from app.answering.parting import MOST_PARTS, Parting
from app.errors import ProviderUnavailable
from app.retrieval.passage import Passage, Retrieval
from app.retrieval.query import Query
from tests.fake_chat import BagOfWords, FakeGenerator, passage

TIDE = passage("The tide turns at noon each day at the pier.", 1)
PRICE = passage("A night at the pier costs 20 euros in summer.", 2)
BREAD = passage("Bread is baked before dawn by the baker.", 3)
ASKED = "When does the tide turn, and what does a night cost?"


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (ASKED, ("When does the tide turn?", "what does a night cost?")),
        ("Who keeps the light? Who paints the lamp room?", None),
        ("Wann geht die Fähre und wie viel kostet die Überfahrt?", None),
        ("Quand part le bateau et combien coûte la traversée ?", None),
        ("When does the tide turn?", ("When does the tide turn?",)),
        ("What may salt and pepper cost?", ("What may salt and pepper cost?",)),
        ("tides and ships", ("tides and ships",)),
    ],
)
def test_without_a_model_a_question_is_divided_where_it_joins_questions(
    question: str, parts: tuple[str, ...] | None
) -> None:
    found = Parting(None).parts(question)
    assert found == parts if parts else len(found) == 2


def test_a_part_that_points_back_takes_the_words_of_the_one_before() -> None:
    found = Parting(None).parts("How deep is the harbour bar and how long is it?")
    assert found == ("How deep is the harbour bar?", "how long is it? (deep harbour bar)")


def test_a_model_divides_by_one_call() -> None:
    model = FakeGenerator("1. When does the tide turn?\n- What does a night at the pier cost?\n")
    assert Parting(model).parts(ASKED) == (
        "When does the tide turn?",
        "What does a night at the pier cost?",
    )
    assert len(model.told) == 1


@pytest.mark.parametrize("reply", ["I cannot do that.", "a?\n" * 3 + "b", "x" * 5000, ""])
def test_what_a_model_says_beside_questions_is_not_used(reply: str) -> None:
    assert Parting(FakeGenerator(reply)).parts(ASKED) == Parting(None).parts(ASKED)


def test_a_model_that_fails_leaves_the_questions_own_joints() -> None:
    model = FakeGenerator("When?", error_at=0, error=ProviderUnavailable("away"))
    assert Parting(model).parts(ASKED) == Parting(None).parts(ASKED)


def test_there_are_never_more_parts_than_are_allowed() -> None:
    assert len(Parting(None).parts("What? " * 9)) <= MOST_PARTS
    many = FakeGenerator("".join(f"What is {n}?\n" for n in range(9)))
    assert Parting(many).parts("What is it all?") == ("What is it all?",)


def thorough(generator: FakeGenerator | None = None) -> tuple[list[AnswerEvent], Answer, list[str]]:
    asked = list[str]()

    def retrieve(query: Query) -> Retrieval:
        asked.append(query.text)
        found: tuple[Passage, ...] = (PRICE, BREAD) if "night" in query.text else (TIDE, BREAD)
        return Retrieval(query, found, candidates=tuple(each.chunk_id for each in found))

    answerer = Answerer.of(retrieve, generator, BagOfWords(), approach="thorough")
    events = list(answerer.answer(Query(ASKED)))
    last = events[-1]
    assert isinstance(last, Answered)
    return events, last.answer, asked


def test_each_part_is_looked_for_and_the_best_of_each_is_read_first() -> None:
    events, answer, asked = thorough()
    assert isinstance(events[0], Divided)
    assert asked == list(events[0].parts)
    assert [each.document_id for each in answer.passages] == [1, 2]
    assert [each.rank for each in answer.passages] == [1, 2]
    assert [each.text for each in answer.sentences] == [TIDE.text, PRICE.text]
    assert answer.question == ASKED


def test_the_thorough_way_asks_the_model_twice_at_most() -> None:
    generator = FakeGenerator("The tide turns at noon [1].")
    _, answer, _ = thorough(generator)
    assert len(generator.told) == 2
    assert answer.kind == "written"
