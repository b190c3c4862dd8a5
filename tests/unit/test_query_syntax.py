"""What a person typed → a query."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.filter import Filter
from app.indexes.analysis import wanted
from app.retrieval.query import Query
from app.retrieval.query_syntax import QUOTES, typed_query


def test_words_alone_are_looked_for_as_they_are() -> None:
    assert typed_query("when  does the tide turn?").text == "when  does the tide turn?"


def test_a_phrase_must_stand_and_is_still_looked_for() -> None:
    query = typed_query('tide "low  water" north')
    assert query.phrases == ("low water",)
    assert query.text == "tide low water north"
    assert query.written == 'tide "low  water" north'


@pytest.mark.parametrize("typed", ["“low water”", "„low water“", "«low water»", "「low water」"])
def test_quotes_of_other_languages_are_quotes(typed: str) -> None:
    assert typed_query(typed).phrases == ("low water",)


def test_punctuation_after_a_phrase_is_no_part_of_it() -> None:
    assert typed_query('what is "low water"?').phrases == ("low water",)


def test_a_word_or_phrase_behind_a_minus_is_left_out() -> None:
    query = typed_query('tide -neap -"spring tide"')
    assert query.without == ("neap", "spring tide")
    assert query.text == "tide"


@pytest.mark.parametrize(
    "typed",
    ['5" pipe', "at -5 degrees", "git --force", "a - b", "well-known", '""', "type:object", "-",
     "after:noon", "name:", 'a"b c"d'],
)  # fmt: skip
def test_what_only_looks_like_a_condition_is_words(typed: str) -> None:
    assert typed_query(typed) == Query(typed, typed=typed)


def test_fields_are_filters_and_several_add_up() -> None:
    query = typed_query(
        'tide name:guide Name:"tide tables" type:docx section:Bar after:2024-05-01 '
        "before:2024-06-30"
    )
    assert query.text == "tide"
    assert query.filter == Filter(
        names=("guide", "tide tables"),
        kinds=("word",),
        since=date(2024, 5, 1),
        until=date(2024, 6, 30),
        sections=("Bar",),
    )


PIECES = ["x", "y", " ", "  ", "-", ":", "name:", *QUOTES, "”", "“", "»", "」"]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_nothing_that_is_typed_is_lost(typed: str) -> None:
    query = typed_query(typed)
    kept = "".join([query.text, *query.without, *query.filter.names])
    assert [kept.count(letter) for letter in "xy"] == [typed.count(letter) for letter in "xy"]


@given(st.text())
def test_any_text_can_be_typed(typed: str) -> None:
    query = typed_query(typed)
    assert query.written == (typed or query.text)
    assert all(phrase.strip() for phrase in query.phrases)


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1), min_size=1, max_size=4))
def test_each_word_behind_a_minus_is_left_out(words: list[str]) -> None:
    typed = "tide " + " ".join(f"-{word}" for word in words)
    assert typed_query(typed).without == tuple(words)


def test_a_phrases_forms_are_those_of_every_language() -> None:
    looked_for = wanted("Häuser", {"de", "en"}, exact=False)
    assert looked_for.pattern is None
    assert looked_for.terms == (frozenset({"haus", "hauser"}),)
