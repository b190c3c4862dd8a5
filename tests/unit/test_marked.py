"""Texts in parts, some of them marked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.web.pages.marked import excerpt, parts

edges = st.lists(st.integers(0, 30), unique=True, max_size=8).map(sorted)


@given(st.text(max_size=25), edges, st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_parts_are_the_text_with_just_the_spans_marked(
    text: str, edges: list[int], near: tuple[int, int]
) -> None:
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    start, end = sorted(near)
    found = parts(text, spans, (start, end))
    assert "".join(part.text for part in found) == text
    assert all(part.text for part in found)
    at = 0
    for part in found:
        for place in range(at, at + len(part.text)):
            assert part.marked == any(first <= place < last for first, last in spans)
            assert part.near == (start <= place < end)
        at += len(part.text)


def test_an_excerpt_keeps_the_sentence_in_its_place() -> None:
    text = "Nothing here. " * 60 + "The tide turns. " + "Nothing there. " * 60
    start = text.index("The tide")
    cut = excerpt(text, ((start + 4, start + 8),), (start, start + 15))
    assert "".join(part.text for part in cut if part.near) == "The tide turns."
    assert [part.text for part in cut if part.marked] == ["tide"]
