"""Answers without a chat model: which sentences are shown, and when none is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.answering.answer import AnswerSentence, NothingFound
from app.answering.extracts import CANDIDATES, Extractor
from app.answering.lexical import terms, words_looked_for
from app.retrieval.passage import Passage
from tests.fake_chat import BagOfWords, passage

TIDES = (
    "# When does the tide turn?\n\nThe tide turns at noon. Ships sail at dusk. Gulls cry loudly."
)
BREAD = "Knead the dough well. Bake the bread for an hour. The tide of flour recedes."
ASKED = "When does the tide turn?"


def extracts(
    question: str, *passages: Passage, embedder: BagOfWords | None = None, count: int = 3
) -> tuple[AnswerSentence, ...]:
    found = Extractor(embedder or BagOfWords(), count).extract(question, passages)
    assert not isinstance(found, NothingFound), found.explanation
    return found


def refusal(question: str, *passages: Passage) -> NothingFound:
    found = Extractor(BagOfWords()).extract(question, passages)
    assert isinstance(found, NothingFound)
    return found


def test_the_sentence_that_answers_is_quoted_exactly_and_cited() -> None:
    shown = extracts(ASKED, passage(TIDES, start=50), passage(BREAD, 2), count=1)
    assert [sentence.text for sentence in shown] == ["The tide turns at noon."]
    [citation] = shown[0].citations
    assert (citation.number, citation.quote.document_id, citation.quote.revision_id) == (1, 1, 11)
    assert TIDES[citation.quote.start - 50 : citation.quote.end - 50] == shown[0].text
    assert (shown[0].support, shown[0].verbatim) == ("supported", True)
    assert shown[0].marked == "The tide turns at noon. [1]"


def test_extracts_are_in_reading_order() -> None:
    text = "Ships wait for the tide. Gulls cry loudly. The tide turns at noon."
    shown = extracts(ASKED, passage(text), count=2)
    assert [sentence.text for sentence in shown] == [
        "Ships wait for the tide.",
        "The tide turns at noon.",
    ]


def test_what_a_sentence_announces_is_shown_with_it() -> None:
    steps = "The tide turns so:\n\n- It ebbs. Slowly.\n- It floods.\n\nGulls cry loudly."
    shown = extracts(ASKED, passage(steps), count=1)
    assert [(one.gap, one.text) for one in shown] == [
        ("", "The tide turns so:"),
        ("\n", "- It ebbs."),
        (" ", "Slowly."),
        ("\n", "- It floods."),
    ]
    code = "The tide turns so:\n\n```sh\nturn tide\n```\n\nGulls cry loudly."
    assert [one.text for one in extracts(ASKED, passage(code), count=1)] == [
        "The tide turns so:",
        "```sh\nturn tide\n```",
    ]
    rows = "The tide turns so:\n\n| Port | Hour |\n|---|---|\n| Brest | noon |\n\nGulls cry."
    assert [one.text for one in extracts(ASKED, passage(rows), count=1)][1:] == [
        "| Port | Hour |",
        "| Brest | noon |",
    ]
    assert len(extracts(ASKED, passage("The tide turns so:\n\n# Gulls\n\nLoud."), count=1)) == 1


def test_headings_and_questions_are_not_answers() -> None:
    shown = extracts(ASKED, passage(f"{ASKED} {TIDES}"))
    assert not any("When" in sentence.text for sentence in shown)


def test_a_sentence_that_two_passages_have_is_shown_once() -> None:
    shown = extracts(ASKED, passage(TIDES), passage(TIDES, 2))
    assert len({sentence.text for sentence in shown}) == len(shown)


def test_one_request_embeds_a_bounded_number_of_sentences() -> None:
    embedder = BagOfWords()
    long = " ".join(f"The tide turns at hour {n}." for n in range(50))
    extracts(ASKED, passage(long), embedder=embedder)  # the first asks for the model's floor too
    embedder.requests.clear()
    extracts(ASKED, passage(long), embedder=embedder)
    assert [len(sentences) for sentences in embedder.requests] == [CANDIDATES]


def test_a_question_that_nothing_bears_on_is_refused_in_its_own_words() -> None:
    found = refusal(
        "Who painted the Mona Lisa?", passage(TIDES, name="tides.md"), passage(BREAD, 2)
    )
    assert found.looked_for == ("painted", "Mona", "Lisa")
    assert found.found_nowhere == found.looked_for
    assert "painted, Mona, Lisa" in found.explanation
    assert "tides.md" in found.explanation


def test_words_that_are_there_are_not_said_to_be_missing() -> None:
    found = refusal("Who painted the gulls of Arles in purple?", passage(TIDES))
    assert found.found_nowhere == ("painted", "Arles", "purple")


def test_without_any_passage_it_says_that_there_is_nothing_to_search() -> None:
    assert "nothing to search" in refusal(ASKED).explanation


def test_a_question_in_chinese_is_answered_by_its_words() -> None:
    text = "海鸥在叫。潮水在中午转向。船在黄昏起航。"
    shown = extracts("潮水什么时候转向？", passage(text), count=1)
    assert shown[0].text == "潮水在中午转向。"


def test_terms_are_cut_words_and_pairs_where_a_script_has_no_spaces() -> None:
    assert terms("Tides turning, 3.5 km") == ["tide", "turnin", "3", "5", "km"]
    assert terms("潮水转") == ["潮水", "水转"]


def test_signs_and_points_do_not_cut_the_words_that_they_stand_in() -> None:
    assert terms("पानी का समय") == ["पानी", "का", "समय"]
    assert terms("السَّلَامُ") == terms("السلام") == ["السلام"]
    assert words_looked_for("पानी का समय") == ("पानी", "का", "समय")
    assert words_looked_for("What is the Höhe of it?") == ("Höhe",)


@given(st.lists(st.text(max_size=80), max_size=4), st.text(max_size=40))
def test_any_text_gives_extracts_that_are_verbatim_or_a_refusal(
    texts: list[str], question: str
) -> None:
    passages = [passage(text, number, start=7) for number, text in enumerate(texts, 1)]
    found = Extractor(BagOfWords()).extract(question, passages)
    if isinstance(found, NothingFound):
        assert found.explanation
        return
    for sentence in found:
        [citation] = sentence.citations
        quote = citation.quote
        source = texts[citation.number - 1]
        assert source[quote.start - 7 : quote.end - 7] == quote.text == sentence.text
