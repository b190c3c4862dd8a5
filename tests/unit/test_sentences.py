"""Sentence spans: exact offsets in every language and layout."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.sentences import LONGEST, sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The tide turns. It turns at noon.", ["The tide turns.", "It turns at noon."]),
        ("Dr. Smith left. He was late.", ["Dr. Smith left.", "He was late."]),
        ("It cost $3.50 in the U.S. in 1990.", ["It cost $3.50 in the U.S. in 1990."]),
        ("Made in the U.S. The rest is not.", ["Made in the U.S.", "The rest is not."]),
        ("The U.S. Army is one.", ["The U.S. Army is one."]),
        ("By J. R. R. Tolkien. See e.g. No. 5.", ["By J. R. R. Tolkien.", "See e.g. No. 5."]),
        ("Turn to p. 55. It is there.", ["Turn to p. 55.", "It is there."]),
        ("It turns at noon.[12][b] Then it ebbs.", ["It turns at noon.[12][b]", "Then it ebbs."]),
        ("Wait... what? Yes! Go.", ["Wait... what?", "Yes!", "Go."]),
        ("He said “Stop.” Then he left.", ["He said “Stop.”", "Then he left."]),
        ("Use version 2.0.1 of a.b. Then stop.", ["Use version 2.0.1 of a.b.", "Then stop."]),
        ("Am 3. Oktober war es z.B. still. Ende.", ["Am 3. Oktober war es z.B. still.", "Ende."]),
        (
            "他丢了 308分。他的队友！真的？是的。",
            ["他丢了 308分。", "他的队友！", "真的？", "是的。"],
        ),
        ("彼は「行く。」と言った。", ["彼は「行く。」", "と言った。"]),
        ("هل هذا سؤال؟ نعم.", ["هل هذا سؤال؟", "نعم."]),
        ("यह एक वाक्य है। यह दूसरा है।", ["यह एक वाक्य है।", "यह दूसरा है।"]),
    ],
)
def test_a_sentence_ends_where_a_reader_would_end_it(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_headings_list_items_and_table_rows_stand_alone() -> None:
    text = "# Tides\n\n- high water\n- low water. More.\n1. First\n\n| a | b |\n| c | d |\nThe end."
    assert sentences(text) == [
        "# Tides", "- high water", "- low water.", "More.", "1. First",
        "| a | b |", "| c | d |", "The end.",
    ]  # fmt: skip


def test_rows_of_tables_stand_alone_with_the_names_that_they_carry() -> None:
    named = "Port: Brest; Depth: 9.5 m\nPort: Hull; Depth: 8 m"
    assert sentences(named) == named.split("\n")
    bare = "Brest | 9.5 m\nHull | 8 m\nand so on."
    assert sentences(bare) == bare.split("\n")
    prose = "Bring these: a rope; a lamp; and, for the\nnight: a coat."
    assert sentences(prose) == [prose]


def test_lines_that_were_only_wrapped_are_read_together() -> None:
    assert sentences("The tide\nturns at\nnoon. So it\ndoes.") == [
        "The tide\nturns at\nnoon.",
        "So it\ndoes.",
    ]


def test_fenced_code_is_one_span_whatever_stops_it_holds() -> None:
    text = "Run this:\n```python\na.b. C()\n\nprint(x)! Y\n```\nThen stop."
    assert sentences(text)[1] == "```python\na.b. C()\n\nprint(x)! Y\n```"


def test_a_text_without_full_stops_is_cut_at_its_spaces() -> None:
    text = "ภาษาไทยไม่มีจุด " * 100
    pieces = sentences(text)
    assert len(pieces) > 2
    assert all(len(piece) <= LONGEST and piece.endswith("จุด") for piece in pieces)


@given(
    st.text(alphabet=st.sampled_from(list('ab Z.。！?!\n\r\t\u2028😀é्क[1]()-*#`>|0”’"…\0')))
    | st.text()
)
def test_spans_tile_all_that_is_not_white_space(text: str) -> None:
    spans = sentence_spans(text)
    last = 0
    for start, end in spans:
        assert not text[last:start].strip()
        assert start < end
        assert text[start:end] == text[start:end].strip()
        last = end
    assert not text[last:].strip()
