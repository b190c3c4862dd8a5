"""Markers in a stream, the sentences they belong to, and the quotes they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.citations import Citer
from app.answering.drafts import Draft, DraftSentence
from app.answering.markers import Marker, MarkerReader
from tests.fake_chat import BagOfWords, passage


def parts(pieces: Sequence[str]) -> list[str | Marker]:
    """The reader's parts, with text between two markers joined."""
    reader, joined = MarkerReader(), list[str | Marker]()
    for part in [*(p for piece in pieces for p in reader.read(piece)), *reader.finish()]:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def drafted(pieces: Sequence[str]) -> tuple[str, list[DraftSentence]]:
    """The text as shown, and the sentences."""
    draft, shown, sentences = Draft(), "", list[DraftSentence]()
    for part in [*(p for piece in pieces for p in draft.read(piece)), *draft.finish()]:
        if isinstance(part, str):
            shown += part
        else:
            sentences.append(part)
    return shown, sentences


def sentences_of(text: str) -> list[tuple[str, tuple[tuple[int, int], ...]]]:
    return [(sentence.text, sentence.marks) for sentence in drafted([text])[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("At noon [1].", ["At noon", Marker((1,)), "."]),
        ("At noon. [1][2] So", ["At noon.", Marker((1,)), Marker((2,)), " So"]),
        ("At noon [1, 3] today", ["At noon", Marker((1, 3)), " today"]),
        ("At noon [2-4]!", ["At noon", Marker((2, 3, 4)), "!"]),
        ("At noon【1†source】.", ["At noon", Marker((1,)), "."]),
        ("At noon [^2].", ["At noon", Marker((2,)), "."]),
        ("At noon [1]and", ["At noon", Marker((1,)), " and"]),
        ("See [the guide](http://evil.example)", ["See [the guide](http://evil.example)"]),
        ("Use `a[1]` and\n```\nb[2]\n```\nyes [3]",
         ["Use `a[1]` and\n```\nb[2]\n```\nyes", Marker((3,))]),
        ("An [open end", ["An [open end"]),
        ("[[1]]", ["[", Marker((1,)), "]"]),
        ("In [2024] it was", ["In [2024] it was"]),
    ],
)  # fmt: skip
def test_markers_are_taken_out_where_they_stand(text: str, expected: list[str | Marker]) -> None:
    assert parts([text]) == expected


TEXTS = st.text(st.sampled_from(list("ab N.!。`[]【】123,-^† \n#")), max_size=120)


@given(TEXTS, st.lists(st.integers(0, 120)))
def test_any_split_of_the_stream_gives_the_same_text_markers_and_sentences(
    text: str, cuts: list[int]
) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    split = [text[a:b] for a, b in pairwise(edges)]
    assert parts(split) == parts([text])
    assert drafted(split) == drafted([text])


@given(TEXTS)
def test_the_sentences_are_the_whole_text_that_was_shown(text: str) -> None:
    shown, sentences = drafted([text])
    assert "".join(s.gap + s.text for s in sentences).rstrip() == shown.rstrip()
    assert all(0 <= at <= len(s.text) for s in sentences for at, _ in s.marks)


def test_a_marker_after_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    assert sentences_of("The tide turns at noon. [1] It turns again at dusk [2]. It rests.") == [
        ("The tide turns at noon.", ((23, 1),)),
        ("It turns again at dusk.", ((22, 2),)),
        ("It rests.", ()),
    ]


def test_a_sentence_comes_as_soon_as_the_next_one_has_begun() -> None:
    draft = Draft()
    come = list(draft.read("The tide turns at noon. [1] Then it rests for a while and"))
    assert DraftSentence("The tide turns at noon.", "", ((23, 1),)) in come


TIDES = "The tide turns at noon. Ships sail at dusk on 3 May. Nobody knows why."


def cited(text: str, *marks: tuple[int, int]) -> DraftSentence:
    return DraftSentence(text, "", marks)


def test_a_citation_opens_the_sentence_of_the_passage_that_says_it() -> None:
    passages = [passage("Something else."), passage(TIDES, 2, start=100)]
    sentence = Citer(BagOfWords()).cite(cited("Ships sail on 3 May.", (20, 2)), passages)
    quote = sentence.citations[0].quote
    assert quote.text == "Ships sail at dusk on 3 May."
    assert TIDES[quote.start - 100 : quote.end - 100] == quote.text
    assert (quote.document_id, quote.revision_id) == (2, 12)
    assert sentence.citations[0].passage is passages[1]
    assert sentence.support == "cited"


def test_a_citation_of_a_passage_that_is_not_there_is_dropped_and_kept_as_missing() -> None:
    sentence = Citer(BagOfWords()).cite(cited("It is so.", (9, 7), (9, 0)), [passage(TIDES)])
    assert sentence.citations == ()
    assert sentence.missing == (7, 0)
    assert sentence.support == "none"


def test_a_passage_cited_twice_in_a_sentence_is_one_citation() -> None:
    sentence = Citer(BagOfWords()).cite(cited("It turns.", (2, 1), (9, 1)), [passage(TIDES)])
    assert [citation.number for citation in sentence.citations] == [1]


def test_a_claim_in_other_words_is_found_by_its_meaning() -> None:
    embedder = BagOfWords(same={"high water": "tide", "midday": "noon"})
    sentence = Citer(embedder).cite(cited("High water ends, midday.", (24, 1)), [passage(TIDES)])
    assert sentence.citations[0].quote.text == "The tide turns at noon."


def test_words_that_are_clear_ask_no_embedding() -> None:
    embedder = BagOfWords()
    Citer(embedder).cite(cited("Ships sail at dusk.", (19, 1)), [passage(TIDES)])
    assert embedder.requests == []


def test_a_sentence_shows_its_markers_where_they_stood() -> None:
    marks = ((14, 1), (23, 2))
    passages = [passage(TIDES), passage(TIDES, 2)]
    sentence = Citer(BagOfWords()).cite(cited("The tide turns at noon.", *marks), passages)
    assert sentence.marked == "The tide turns [1] at noon. [2]"


@given(st.text(max_size=200), st.text(min_size=1, max_size=200), st.integers(0, 1000))
def test_a_quote_is_always_verbatim_at_its_offsets(claim: str, text: str, start: int) -> None:
    quote = Citer(BagOfWords()).quote(claim, passage(text, start=start))
    assert text[quote.start - start : quote.end - start] == quote.text
