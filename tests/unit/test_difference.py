"""What a difference says is what makes one text of the other."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.difference import CONTEXT, MOST_LINES, Difference, difference
from app.errors import TooLongToCompare

LINES = st.lists(
    st.sampled_from(["", "a", "b", "The tide turns.", "The tide turned."]), max_size=30
)


def applied(old: str, told: Difference) -> str:
    """The new text, made of the old one by what the difference says alone."""
    before, made, at = old.split("\n"), [], 0
    for stretch in told.stretches:
        for line in stretch:
            if line.old is None:
                made.append(line.text)
                continue
            made += before[at : line.old - 1]
            assert before[line.old - 1] == line.text
            at = line.old
            if line.kind == "same":
                made.append(line.text)
    return "\n".join(made + before[at:])


@given(LINES, LINES)
def test_the_difference_makes_the_new_text_of_the_old_one(old: list[str], new: list[str]) -> None:
    told = difference("\n".join(old), "\n".join(new))
    assert applied("\n".join(old), told) == "\n".join(new)
    lines = [line for stretch in told.stretches for line in stretch]
    assert told.added == sum(line.kind == "added" for line in lines)
    assert all("".join(p.text for p in line.pieces) == line.text for line in lines)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_compared_with_any(old: str, new: str) -> None:
    assert applied(old, difference(old, new)) == new


def test_the_same_text_has_no_difference() -> None:
    assert difference("a\nb", "a\nb") == Difference((), 0, 0)


def test_only_the_words_that_changed_are_marked() -> None:
    (stretch,) = difference("The tide turns at noon.", "The tide turns at dusk.").stretches
    removed, added = stretch
    assert [(p.text, p.changed) for p in removed.pieces if p.changed] == [("noon", True)]
    assert [(p.text, p.changed) for p in added.pieces if p.changed] == [("dusk", True)]
    (stretch,) = difference("潮は正午に変わる。", "潮は夕方に変わる。").stretches
    assert [p.text for p in stretch[1].pieces if p.changed] == ["夕方"]


def test_lines_with_little_in_common_are_shown_whole() -> None:
    (stretch,) = difference("Ships leave with the ebb.", "1903: 44 casks").stretches
    assert [len(line.pieces) for line in stretch] == [1, 1]


def test_a_few_lines_around_a_change_are_shown_with_their_numbers() -> None:
    old = [f"line {n}" for n in range(1, 101)]
    new = [*old[:49], "another line 50", *old[50:]]
    (stretch,) = difference("\n".join(old), "\n".join(new)).stretches
    assert len(stretch) == 2 * CONTEXT + 2
    assert (stretch[0].old, stretch[0].new) == (48, 48)
    assert [(line.old, line.new) for line in stretch if line.kind != "same"] == [
        (50, None),
        (None, 50),
    ]


@pytest.mark.parametrize("repeated", [True, False])
def test_thousands_of_changes_are_found_in_seconds(*, repeated: bool) -> None:
    kept = [f"kept {n % 40 if repeated else n}" for n in range(20_000)]
    old = "\n".join(f"{line}\nold value of {n}" for n, line in enumerate(kept))
    new = "\n".join(f"{line}\nnew value of {n}" for n, line in enumerate(kept))
    began = time.thread_time()
    told = difference(old, new)
    assert time.thread_time() - began < 10
    assert applied(old, told) == new


def test_what_takes_too_long_to_compare_is_refused() -> None:
    old = "\n".join(f"old {n}" for n in range(MOST_LINES + 1))
    with pytest.raises(TooLongToCompare):
        difference(old, "new")
