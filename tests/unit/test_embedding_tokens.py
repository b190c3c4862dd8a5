"""Counting in a model's tokens."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.embedding.cl100k import Cl100kTokens
from app.embedding.tokens import LocalTokens
from tests.bert_folders import tokenizer


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalTokens:
    path = tmp_path_factory.mktemp("tokens") / "tokenizer.json"
    tokenizer().save(str(path))
    return LocalTokens(path)


def test_local_tokens_are_neither_cut_nor_padded_nor_framed(local: LocalTokens) -> None:
    assert local.count("the tide turns at noon and at dusk") == 8
    assert local.count("moon") == 1
    assert local.count("") == 0
    assert local.frame == ([2], [3])


def test_local_offsets_are_characters_of_the_text_as_it_is(local: LocalTokens) -> None:
    text = "The \U0001f30a tïde,\nat\tNOON \ud800."  # of a lone surrogate nothing is left
    spans = [text[start:end] for start, end in local.offsets(text)]
    assert spans == ["The", "\U0001f30a", "tïde", ",", "at", "NOON", "."]


def test_a_tokenizer_that_is_none_is_told(tmp_path: Path) -> None:
    from app.errors import ModelUnavailable

    with pytest.raises(ModelUnavailable, match="cannot be read"):
        LocalTokens(tmp_path / "tokenizer.json")


def test_cl100k_counts_as_openai_does_and_without_the_network() -> None:
    tokens = Cl100kTokens()
    assert tokens.count("hello world") == 2
    assert tokens.count("antidisestablishmentarianism") == 6
    assert tokens.count("<|endoftext|>") > 1, "a text is never a command"
    assert tokens.count("") == 0


@given(st.text())
def test_cl100k_offsets_cover_the_text(text: str) -> None:
    tokens = Cl100kTokens()
    spans = tokens.offsets(text)
    assert len(spans) == tokens.count(text)
    covered = 0
    for start, end in spans:
        assert start <= covered, "no gap"
        assert start < end
        assert end >= covered
        covered = end
    assert covered == len(text)
