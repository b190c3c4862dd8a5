"""Markers in a stream, and the sentences they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.drafts import Draft, DraftSentence
from app.answering.markers import Marker, MarkerReader


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


def test_the_rule_of_a_table_is_no_sentence() -> None:
    table = "| Port | Depth |\n|---|---|\n| Brest | 9 m | [1]\n\n---\n\nThat is all. [2]"
    assert [text for text, _ in sentences_of(table)] == [
        "| Port | Depth |",
        "| Brest | 9 m |",
        "That is all.",
    ]


def test_a_sentence_comes_as_soon_as_the_next_one_has_begun() -> None:
    draft = Draft()
    come = list(draft.read("The tide turns at noon. [1] Then it rests for a while and"))
    assert DraftSentence("The tide turns at noon.", "", ((23, 1),)) in come
