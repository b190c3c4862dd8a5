"""No text is paid for twice: vectors of a provider are kept in TiDB, for every process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from sqlalchemy import text

from app.config import Settings
from app.database.connection import Database
from app.embedding.embedder import Embedder
from app.embedding.making import make_embedder
from app.embedding.vector_cache import TableCache, key_of
from app.services import Services
from tests.fake_provider import FakeProvider, serving
from tests.integration.parts import opened, unheard


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with serving(FakeProvider(kind="openai")) as provider:
        yield provider


@contextmanager
def embedder(settings: Settings, provider: FakeProvider, **more: object) -> Iterator[Embedder]:
    """As a process of its own has it."""
    remote = {
        "embedding_model": "openai/text-embedding-3-small",
        "embedding_api_base": provider.api_base,
        "embedding_dimensions": 1536,
    }
    changed = settings.model_copy(update=remote | more)
    with opened(changed, make_embedder(changed, unheard)) as services:
        yield services.embedder


def test_another_process_asks_only_for_what_is_new_and_gets_it_in_order(
    settings: Settings, provider: FakeProvider
) -> None:
    with embedder(settings, provider) as first:
        before = first.embed_documents(["tide", "seal", "tide"])
    assert provider.sent_texts == ["tide", "seal"]
    with embedder(settings, provider) as second:
        after = second.embed_documents(["ferry", "seal", "tide"])
        assert second.embed_query("tide") == after[2]
    assert provider.sent_texts == ["tide", "seal", "ferry"]
    assert np.array(after[1:]) == pytest.approx(np.array([before[1], before[0]]), abs=1e-6)
    assert before[0] == before[2]


def test_another_width_model_or_prefix_is_another_vector(
    settings: Settings, provider: FakeProvider
) -> None:
    for more in (
        {},
        {"embedding_dimensions": 256},
        {"embedding_model": "openai/text-embedding-3-large", "embedding_dimensions": 3072},
        {"embedding_document_prefix": "passage: "},
    ):
        with embedder(settings, provider, **more) as each:
            assert len(each.embed_documents(["pier"])[0]) == each.dimensions
    assert len(provider.requests) == 4


def test_nothing_is_kept_where_the_settings_say_so(
    settings: Settings, provider: FakeProvider
) -> None:
    with embedder(settings, provider, embedding_cache_vectors=0) as each:
        each.embed_documents(["buoy"])
        each.embed_documents(["buoy"])
    assert provider.sent_texts == ["buoy", "buoy"]


def test_the_oldest_are_given_up_when_there_are_too_many(services: Services) -> None:
    with services.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM kept_vectors"))
    cache = TableCache(services.database, most=20)
    keys = [key_of("base", "model", 2, str(number)) for number in range(30)]
    vector = np.array([0.6, 0.8], np.float32)
    for key in keys:
        cache.write({key: vector})
    found = cache.read(keys)
    assert 18 <= len(found) <= 20
    assert set(found) == set(keys[-len(found) :])
    assert found[keys[-1]].tolist() == vector.tolist()


def test_a_tidb_that_is_away_costs_no_embedding(settings: Settings) -> None:
    database = Database.connect("mysql+pymysql://root@127.0.0.1:9/none")
    cache = TableCache(database, most=10)
    key = key_of("base", "model", 2, "text")
    assert cache.read([key]) == {}
    cache.write({key: np.array([1.0, 0.0], np.float32)})
    database.dispose()
