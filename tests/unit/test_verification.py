"""Sentences of a model against the passages they cite: what is found, derived, missing, opposed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.answer import AnswerSentence
from app.answering.drafts import DraftSentence
from app.answering.verification import Verifier
from app.retrieval.passage import Passage
from tests.fake_chat import BagOfWords, passage

TIDES = "The tide turns at noon. Ships sail at dusk on 3 May. Nobody knows why."
BRIDGE = (
    "The Humber Bridge was opened to traffic on 24 June 1981. It is 2,220 metres long and cost "
    "£98 million. Its towers stand 155.5 m above the piers, and they are not parallel. In 2019 "
    "about 12 percent of the 11,980,000 crossings were free."
)


def cited(text: str, *marks: tuple[int, int]) -> DraftSentence:
    return DraftSentence(text, "", marks)


def verified(
    text: str, *passages: Passage, cites: int = 1, embedder: BagOfWords | None = None
) -> AnswerSentence:
    draft = cited(text, (len(text), cites))
    return Verifier(embedder or BagOfWords()).over(passages).verify(draft)


def bridge(text: str) -> AnswerSentence:
    return verified(text, passage(BRIDGE, start=50))


def verdicts(sentence: AnswerSentence) -> dict[str, str]:
    return {check.text: check.verdict for check in sentence.checks}


def test_a_citation_opens_the_sentence_of_the_passage_that_says_it() -> None:
    passages = [passage("Something else."), passage(TIDES, 2, start=100)]
    sentence = verified("Ships sail on 3 May.", *passages, cites=2)
    quote = sentence.citations[0].quote
    assert quote.text == "Ships sail at dusk on 3 May."
    assert TIDES[quote.start - 100 : quote.end - 100] == quote.text
    assert (quote.document_id, quote.revision_id) == (2, 12)
    assert sentence.citations[0].passage is passages[1]
    assert sentence.support == "supported"


def test_a_citation_of_a_passage_that_is_not_there_is_dropped_and_kept_as_missing() -> None:
    draft = cited("It rained on Mars.", (18, 7), (18, 0))
    sentence = Verifier(BagOfWords()).over([passage(TIDES)]).verify(draft)
    assert sentence.citations == ()
    assert sentence.missing == (7, 0)
    assert sentence.support == "unsupported"


def test_the_rule_of_a_table_is_no_quote() -> None:
    table = passage("| Berth | Depth |\n|---|---|\n| Quay | 9 m |")
    near = BagOfWords(same={"|---|---|": "first item"})
    (citation,) = verified("First item", table, embedder=near).citations
    assert citation.quote.text != "|---|---|"


def test_a_passage_cited_twice_in_a_sentence_is_one_citation() -> None:
    draft = cited("The tide turns.", (2, 1), (15, 1))
    sentence = Verifier(BagOfWords()).over([passage(TIDES)]).verify(draft)
    assert [citation.number for citation in sentence.citations] == [1]


def test_a_claim_in_other_words_is_found_by_its_meaning() -> None:
    embedder = BagOfWords(same={"high water": "tide", "midday": "noon", "ends": "turns"})
    sentence = verified("High water ends at midday.", passage(TIDES), embedder=embedder)
    assert sentence.citations[0].quote.text == "The tide turns at noon."
    assert sentence.support == "supported"


def test_words_that_are_clear_ask_no_embedding() -> None:
    embedder = BagOfWords()
    verified("Ships sail at dusk.", passage(TIDES), embedder=embedder)
    assert embedder.requests == []


def test_a_sentence_shows_its_markers_where_they_stood() -> None:
    draft = cited("The tide turns at noon.", (14, 1), (23, 2))
    sentence = Verifier(BagOfWords()).over([passage(TIDES), passage(TIDES, 2)]).verify(draft)
    assert sentence.marked == "The tide turns [1] at noon. [2]"


@pytest.mark.parametrize(
    "said",
    [
        "The Humber Bridge was opened to traffic on June 24, 1981.",
        "The bridge is 2220 m long and cost £98,000,000.",
        "The Humber Bridge is 2.22 km long.",
        "The bridge is about 2,200 metres long.",
        "The bridge was opened to traffic in the 1980s.",
        "Of the crossings in 2019, 12 % were free.",
        "There were about 12 million crossings in 2019.",
        "The towers are not parallel.",
        "Twelve percent of the crossings were free in 2019.",
    ],
)
def test_a_sentence_that_says_the_same_in_another_notation_is_supported(said: str) -> None:
    sentence = bridge(said)
    assert sentence.support == "supported", sentence.checks


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("The Humber Bridge was opened to traffic on 24 June 1982.", "1982"),
        ("The Humber Bridge was opened to traffic on 24 July 1981.", "July"),
        ("It is 2,230 metres long and cost £98 million.", "2,230 metres"),
        ("It is 2,220 miles long and cost £98 million.", "2,220 miles"),
        ("It is 2,220 metres long and cost £98 billion.", "98 billion"),
        ("The towers are parallel and stand 155.5 m above the piers.", "not"),
        ("The Humber Bridge was not opened to traffic on 24 June 1981.", "not"),
        ("It is 2,220 metres long and cost $98 million.", "98 million"),
    ],
)
def test_a_sentence_that_says_otherwise_is_unsupported_and_says_why(said: str, what: str) -> None:
    sentence = bridge(said)
    assert sentence.support != "supported"
    assert verdicts(sentence)[what] in {"contradicted", "missing"}


def test_what_follows_from_the_quote_is_marked_as_derived() -> None:
    sentence = bridge("The Humber Bridge is about 7,283 feet long.")
    (check,) = (c for c in sentence.checks if c.kind == "number")
    assert (check.verdict, check.note) == ("derived", "converted from 2,220 metres")


def test_a_name_that_the_passage_does_not_have_is_partly_supported() -> None:
    sentence = bridge("The Severn Bridge was opened to traffic on 24 June 1981.")
    assert sentence.support == "partly"
    assert verdicts(sentence)["Severn Bridge"] == "missing"


def test_a_name_in_the_heading_is_derived_from_it() -> None:
    found = passage("It was opened to traffic on 24 June 1981.", name="humber bridge.md")
    sentence = verified("The Humber Bridge was opened to traffic on 24 June 1981.", found)
    (check,) = (c for c in sentence.checks if c.kind == "name")
    assert (check.text, check.verdict) == ("Humber Bridge", "derived")
    assert sentence.support == "supported"


def test_initials_stand_for_the_name_that_they_spell() -> None:
    found = passage("The World Health Organization declared it over in May 2023.")
    assert verified("The WHO declared it over in May 2023.", found).support == "supported"


def test_a_wrong_citation_is_moved_to_the_passage_that_says_it() -> None:
    passages = [passage("Bake the bread for an hour. Let it cool."), passage(TIDES, 2)]
    sentence = verified("Ships sail at dusk on 3 May.", *passages, cites=1)
    (citation,) = sentence.citations
    assert (citation.number, citation.moved) == (2, True)
    assert sentence.dropped == (1,)
    assert sentence.support == "supported"


def test_a_sentence_without_a_citation_gets_that_of_the_passage_that_says_it() -> None:
    draft = cited("Ships sail at dusk on 3 May.")
    sentence = Verifier(BagOfWords()).over([passage(TIDES)]).verify(draft)
    assert [(c.number, c.moved) for c in sentence.citations] == [(1, True)]


def test_two_passages_may_bear_a_sentence_out_together() -> None:
    passages = [
        passage("The Humber Bridge is 2,220 metres long."),
        passage("The Humber Bridge was opened in 1981.", 2),
    ]
    text = "The Humber Bridge, opened in 1981, is 2,220 metres long."
    draft = cited(text, (len(text), 1), (len(text), 2))
    sentence = Verifier(BagOfWords()).over(passages).verify(draft)
    assert [citation.number for citation in sentence.citations] == [1, 2]
    assert sentence.support == "supported"


def test_a_cited_passage_that_adds_nothing_is_dropped() -> None:
    passages = [passage(TIDES), passage("Bake the bread.", 2)]
    draft = cited("Ships sail at dusk on 3 May.", (28, 1), (28, 2))
    sentence = Verifier(BagOfWords()).over(passages).verify(draft)
    assert [citation.number for citation in sentence.citations] == [1]
    assert sentence.dropped == (2,)


@pytest.mark.parametrize(
    ("source", "same", "opposite"),
    [
        ("Die Brücke ist nicht für Lastwagen offen.",
         "Für Lastwagen ist die Brücke nicht offen.", "Die Brücke ist für Lastwagen offen."),
        ("Le pont est ouvert aux camions.",
         "Le pont est ouvert aux camions.", "Le pont n’est pas ouvert aux camions."),
        ("这座桥不对卡车开放。", "这座桥不对卡车开放。", "这座桥对卡车开放。"),
        ("Lorries are unable to cross the bridge.",
         "Lorries are not able to cross the bridge.", "Lorries are able to cross the bridge."),
        ("Fees rose in every year.", "Fees rose in every year.", "Fees fell in every year."),
    ],
)  # fmt: skip
def test_the_opposite_is_told_from_the_same_in_several_languages(
    source: str, same: str, opposite: str
) -> None:
    assert verified(same, passage(source)).support == "supported"
    assert verified(opposite, passage(source)).support == "unsupported"


def test_a_not_in_a_clause_of_its_own_turns_nothing() -> None:
    found = passage("The bridge is open to cars, though lorries may not use it at night.")
    assert verified("The bridge is open to cars.", found).support == "supported"


@given(
    st.text(max_size=200),
    st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=3),
    st.lists(st.integers(0, 4), max_size=3),
    st.integers(0, 1000),
)
def test_a_quote_is_always_verbatim_at_its_offsets(
    said: str, texts: list[str], numbers: list[int], start: int
) -> None:
    passages = [passage(text, n, start=start) for n, text in enumerate(texts, 1)]
    draft = cited(said, *((0, n) for n in numbers))
    sentence = Verifier(BagOfWords()).over(passages).verify(draft)
    for citation in sentence.citations:
        quote, text = citation.quote, texts[citation.number - 1]
        assert text[quote.start - start : quote.end - start] == quote.text
