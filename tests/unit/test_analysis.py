"""Text → terms: what a word is found by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.indexes.analysis import LONGEST_TERM, language_of, may_be_in, question_terms, terms


def test_forms_of_a_word_have_one_term() -> None:
    assert terms("tide tides TIDES", "en") == ["tide", "tide", "tide"]
    assert len(set(terms("Häuser Haus Hauses", "de"))) == 1


@pytest.mark.parametrize(
    ("identifier", "parts"),
    [
        ("getUserById", ["get", "user", "by", "id"]),
        ("ERR_42", ["err", "42"]),
        ("v8.5.4", ["v", "8", "5", "4"]),
        ("SKU-8847", ["sku", "8847"]),
        ("2024-10-15", ["2024", "10", "15"]),
        ("ada@example.org", ["ada", "exampl", "org"]),
        ("src/app/main.py", ["src", "app", "main", "py"]),
        ("parseHTTPResponse", ["pars", "http", "respons"]),
        ("foo_bar::baz", ["foo", "bar", "baz"]),
        ("192.168.1.1", ["192", "168", "1", "1"]),
        ("C:\\Users", ["c", "user"]),
        ("node.js", ["node", "js"]),
        (".NET", ["net"]),
        ("C++", ["c"]),
        ("C#", ["c"]),
    ],
)
def test_an_identifier_is_found_whole_and_by_its_parts(identifier: str, parts: list[str]) -> None:
    assert terms(identifier, "en") == [identifier.casefold(), *parts]


def test_letters_beyond_ascii_do_not_break_an_identifier_apart() -> None:
    assert terms("GrößeDerÖffnung_max", "de") == [
        "grossederoffnung_max",
        "gross",
        "der",
        "offnung",
        "max",
    ]


def test_a_number_is_found_with_and_without_its_commas() -> None:
    assert terms("10,000", "en") == ["10000", "10", "000"]
    assert terms("1,234,567", "en")[0] == "1234567"
    assert terms("in 2024, 100 ships", "en") == ["in", "2024", "100", "ship"]


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("hi", "हिन्दी में खोज", 3),
        ("ta", "தமிழ் மொழி", 2),
        ("bn", "বাংলা ভাষা", 2),
        ("ar", "بِسْمِ ٱللَّهِ", 2),
        ("he", "שָׁלוֹם עוֹלָם", 2),
    ],
)
def test_signs_inside_of_a_word_do_not_break_it_apart(language: str, text: str, words: int) -> None:
    assert len(terms(text, language)) == words


@pytest.mark.parametrize(
    ("language", "written", "typed"),
    [
        ("ar", "كِتَابٌ كـــتاب أحمد", "كتاب كتاب احمد"),
        ("he", "שָׁלוֹם", "שלום"),
        ("fa", "کتاب فارسی", "كتاب فارسي"),
        ("tr", "ISPARTA İSTANBUL", "ısparta istanbul"),
        ("tr", "Kapılar", "kapilar"),
        ("de", "Müller Straße Öl", "Mueller STRASSE Oel"),
        ("pl", "Łódź", "Lodz"),
        ("da", "Ærø", "Aero"),
        ("vi", "đường Tiếng Việt", "duong Tieng Viet"),
        ("el", "ΘΆΛΑΣΣΑΣ", "θαλασσας"),
        ("hi", "लड़के", "लड़का"),
        ("en", "ﬁnd dif\u00adﬁcult \u202atide\u202c", "find difficult tide"),
    ],
)
def test_ways_to_write_a_word_make_no_difference(language: str, written: str, typed: str) -> None:
    assert terms(written, language) == terms(typed, language)


def test_a_symbol_is_found() -> None:
    assert terms("Launch 🚀 ✓", "en") == ["launch", "🚀", "✓"]


def test_a_script_without_spaces_is_found_by_pairs_of_neighbours() -> None:
    assert terms("潮汐表 at noon", "zh") == ["潮汐", "汐表", "at", "noon"]
    assert terms("潮", "zh") == ["潮"]


def test_accents_and_width_make_no_difference() -> None:
    assert terms("Café ｃａｆｅ", "fr") == terms("cafe cafe", "fr")


def test_a_question_is_looked_for_in_every_language_of_the_texts() -> None:
    found = question_terms("Häuser", ["de", "en"])
    assert set(found) == {*terms("Häuser", "de"), *terms("Häuser", "en")}
    assert set(found.values()) == {"Häuser"}


def test_stop_words_are_left_out_of_a_question_unless_it_has_no_others() -> None:
    assert set(question_terms("what is the tide", ["en"])) == {"tide"}
    assert set(question_terms("to be or not to be", ["en"])) == {"to", "be", "or", "not"}


@pytest.mark.parametrize(
    ("question", "looked_for"),
    [
        ("world war", {"world", "war"}),
        ("hat size", {"hat", "size"}),
        ("was ist die Flut", {"Flut"}),
        ("what is the tide", {"tide"}),
    ],
)
def test_a_stop_word_of_another_language_is_looked_for(question: str, looked_for: set[str]) -> None:
    assert set(question_terms(question, ["de", "en"]).values()) == looked_for


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The tide turns at noon and the boats leave the harbour.", "en"),
        ("Die Boote verlassen den Hafen, sobald die Flut kommt.", "de"),
        ("船在涨潮时离开港口。", "zh"),
    ],
)
def test_the_language_of_a_text_is_found(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("question", "may_be"),
    [
        ("when does the tide turn", True),
        ("tide", True),
        ("ERR_42", True),
        ("何时涨潮？", False),
        ("Vad kostar ett bygglov i kommunen?", False),
        ("Wann kentert die Tide im Hafen?", False),
    ],
)
def test_a_few_words_may_be_english_unless_they_plainly_are_not(
    question: str, *, may_be: bool
) -> None:
    assert may_be_in(question, "en") == may_be


def test_a_text_may_not_be_in_a_language_that_is_none() -> None:
    assert not may_be_in("tide", "")


@given(st.text(max_size=300))
def test_every_term_fits_the_key_of_the_postings(text: str) -> None:
    for term in terms(text, "en"):
        assert 0 < len(term) <= LONGEST_TERM
        assert term == term.strip()
