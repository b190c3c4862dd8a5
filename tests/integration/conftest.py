"""The parts of the whole way, on a real TiDB with the local model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import URL

from app.config import Settings
from app.database.embedded.binary import BinaryCache, binary_on_path
from app.database.embedded.build import build
from app.embedding.embedder import Embedder
from app.embedding.making import make_embedder
from app.indexes.recipe import Recipe
from app.ingestion.fetching import Sources
from app.services import Services
from tests.fake_site import PAGE, FakeSite, website
from tests.fakes import WatchedEmbedder
from tests.integration.parts import (
    Indexes,
    MortalWorker,
    SearchableBase,
    Uploader,
    opened,
    unheard,
)
from tests.server import application, client, served


@pytest.fixture(scope="session")
def local_embedder(machine_settings: Settings) -> Embedder:
    """The local model, loaded once."""
    return make_embedder(machine_settings, unheard)


@pytest.fixture(scope="session")
def cache_dir(machine_settings: Settings) -> Path:
    """Where a `tidb-server` is, built if there is none, so that Docker is not asked here."""
    cache = BinaryCache.within(machine_settings.cache_dir)
    if binary_on_path(print) is None and cache.find(print) is None:
        build(cache, print)
    return machine_settings.cache_dir


@pytest.fixture(scope="module")
def settings(machine_settings: Settings, database_url: URL) -> Settings:
    """Those of the machine, with a database of the module's own and chunks of one sentence."""
    url = SecretStr(database_url.render_as_string(hide_password=False))
    return machine_settings.model_copy(
        update={"tidb_database_url": url, "max_upload_mb": 1, "chunk_tokens": 16}
    )


@pytest.fixture(scope="module")
def watched(local_embedder: Embedder) -> WatchedEmbedder:
    """The embedder that the module's services use."""
    return WatchedEmbedder(local_embedder)


@pytest.fixture(scope="module")
def services(settings: Settings, watched: WatchedEmbedder) -> Iterator[Services]:
    with opened(settings, watched) as services:
        yield services


@pytest.fixture(scope="module")
def address(settings: Settings, services: Services) -> Iterator[str]:
    """Where the module's services are served."""
    with served(application(settings, services)) as address:
        yield address


@pytest.fixture(scope="module")
def http(address: str) -> Iterator[httpx.Client]:
    with client(address) as http:
        yield http


@pytest.fixture
def knowledge_base(services: Services) -> Iterator[SearchableBase]:
    """An empty knowledge base of the test's own; the queue has no other's jobs."""
    base = services.knowledge_bases.create(f"test-{uuid4().hex[:12]}")
    knowledge_base = SearchableBase(services, base)
    yield knowledge_base
    for table in ("jobs", "addresses"):
        knowledge_base.execute(f"DELETE FROM {table} WHERE knowledge_base_id = {base.id}")  # noqa: S608


@pytest.fixture
def uploader(knowledge_base: SearchableBase) -> Uploader:
    return Uploader(knowledge_base.services, knowledge_base.base)


@pytest.fixture
def worker(knowledge_base: SearchableBase) -> MortalWorker:
    return MortalWorker(knowledge_base.services, knowledge_base.base)


@pytest.fixture
def embedder(watched: WatchedEmbedder) -> Iterator[WatchedEmbedder]:
    """The services' embedder, as if it had embedded nothing yet, and without faults."""
    watched.embedded.clear()
    yield watched
    watched.before = None


@pytest.fixture(scope="module")
def second(services: Services, watched: WatchedEmbedder) -> WatchedEmbedder:
    """The embedder of the new recipe."""
    return WatchedEmbedder(watched.real)


@pytest.fixture
def new_model(
    services: Services, second: WatchedEmbedder, watched: WatchedEmbedder
) -> Iterator[Recipe]:
    """The recipe of another model, whose embedder is watched."""
    recipe = replace(services.changeover.recipes.of_settings(), model="local/second")
    key = (recipe.model, recipe.dimensions, recipe.query_prefix, recipe.document_prefix)
    services.retriever.embedders._made[key] = second
    second.embedded.clear()
    watched.embedded.clear()
    yield recipe
    second.before = None
    watched.before = None


@pytest.fixture
def indexes(knowledge_base: SearchableBase) -> Indexes:
    return Indexes(knowledge_base)


@pytest.fixture
def site() -> Iterator[FakeSite]:
    """A site of the web, with a page."""
    with website() as site:
        site.pages["/tides"] = PAGE
        yield site


@pytest.fixture
def sources(services: Services, site: FakeSite) -> Sources:
    """What fetches from that site, which is this machine."""
    return replace(services.sources, fetcher=site.fetcher())


@pytest.fixture
def fetching(settings: Settings, services: Services, sources: Sources) -> Iterator[httpx.Client]:
    """A client of a Tidemark that may fetch from the site."""
    app = application(settings, replace(services, sources=sources))
    with served(app) as address, client(address) as http:
        yield http
