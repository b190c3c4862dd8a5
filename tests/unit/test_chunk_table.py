"""The classes that pytidb needs of chunk tables."""

from __future__ import annotations

import gc
import weakref

import pytest

from app.embedding.function import EmbedderFunction
from app.indexes import chunk_table
from tests.fake_chat import BagOfWords


def test_the_class_of_a_table_that_was_used_long_ago_is_let_go_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a process would grow with each index that was ever searched."""
    monkeypatch.setattr(chunk_table, "MOST_MODELS", 2)
    monkeypatch.setattr(chunk_table, "_models", {})
    function = EmbedderFunction(BagOfWords())
    first, second = (weakref.ref(chunk_table._model(index, function)) for index in (1, 2))
    assert chunk_table._model(1, function) is first()
    chunk_table._model(3, function)
    gc.collect()
    assert second() is None
    assert chunk_table._model(1, function) is first()
