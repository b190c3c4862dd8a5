"""Two documents that contradict each other are both shown; two that don't are left alone."""

from __future__ import annotations

import pytest

from app.answering.answer_events import whole_answer
from app.answering.answerer import Answerer
from app.answering.disagreement import disagreements
from app.answering.extracts import nothing_found
from app.retrieval.passage import Passage, Retrieval
from app.retrieval.query import Query
from tests.fake_chat import BagOfWords, FakeGenerator, passage

BAR = "The bar at the entrance has a charted depth of 6.2 metres."


def found(*texts: str, reply: str = "Nobody knows [1].") -> list[tuple[str, str, str]]:
    passages = tuple(passage(text, number) for number, text in enumerate(texts, 1))
    answer = asked(passages, reply)
    return [(e.about, e.one.quote.text, e.other.quote.text) for e in answer.disagreements]


def asked(passages: tuple[Passage, ...], reply: str):  # noqa: ANN201
    cited = f"{passages[0].text} [1]"
    answerer = Answerer.of(
        lambda query: Retrieval(query, passages), FakeGenerator(reply and cited), BagOfWords()
    )
    return whole_answer(answerer.answer(Query("How deep is the bar at the entrance?")))


@pytest.mark.parametrize(
    ("one", "other", "about"),
    [
        (
            BAR,
            "The bar at the entrance has a charted depth of 5.8 metres.",
            "6.2 metres against 5.8 metres",
        ),
        (
            "The north quay was opened in 1987 by the mayor.",
            "The north quay was opened in 1978 by the mayor.",
            "1987 against 1978",
        ),
        (
            "The ferry to the island sails on Sundays.",
            "The ferry to the island does not sail on Sundays.",
            "one says the opposite of the other",
        ),
        (
            "Die Gebühr für eine Nacht am Kai beträgt 20 Euro.",
            "Die Gebühr für eine Nacht am Kai beträgt 25 Euro.",
            "20 Euro against 25 Euro",
        ),
    ],
)
def test_what_two_documents_say_otherwise_is_told(one: str, other: str, about: str) -> None:
    assert found(f"{one} Ships wait there.", f"Some words before. {other}") == [(about, one, other)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (BAR, BAR),
        (BAR, "The bar at the entrance has a charted depth of 20.3 feet."),
        (BAR, "The basin at the north quay has a charted depth of 5.8 metres."),
        ("Berth Alpha has a charted depth of 9 metres.", "Berth Bravo has a depth of 7 metres."),
        ("On 3 May the tide rises 4.1 metres at noon.", "On 4 May the tide rises 4.2 metres."),
        ("On 3 May the tide rises 4.1 metres at noon.", "On 4 May the tide rises 4.1 metres."),
        ("Ships over 70 metres take a pilot.", "Ships over 90 metres take two tugs at night."),
        ("The ferry does not sail on Sundays.", "The ferry sails on Mondays and Fridays."),
    ],
)
def test_what_says_the_same_or_is_about_something_else_is_left_alone(one: str, other: str) -> None:
    assert found(one, other) == []


def test_only_what_the_answer_cites_is_held_against_the_others() -> None:
    other = "The bar at the entrance has a charted depth of 5.8 metres."
    passages = (passage("Bread is baked."), passage(BAR, 2), passage(other, 3))
    assert disagreements(passages, ()) == ()


def test_a_refusal_says_what_would_have_to_be_added() -> None:
    refusal = nothing_found("Who won the chess championship?", [passage(BAR)])
    assert refusal.to_add == (
        "A document that tells of won, chess and championship would have to be added."
    )
    assert refusal.explanation.endswith(refusal.to_add)
    among = nothing_found("How deep is the entrance?", [passage(BAR + " It is deep.")])
    assert "none that brings deep and entrance together" in among.to_add
