"""A real Chromium, before a real server on a real TiDB, with the local model and a worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright
from pydantic import SecretStr
from sqlalchemy import URL

from app.config import Settings
from app.embedding.making import make_embedder
from app.services import Services
from tests import waiting
from tests.browser.library import HARBOUR, Library
from tests.fakes import WatchedEmbedder
from tests.integration.parts import opened, unheard
from tests.server import application, served

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 1000 * waiting.PATIENCE  # milliseconds
NARROW, WIDE = 320, 1280


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, else the one that playwright fetched."""
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            pytest.fail(
                "The browser tests need a Chromium, and none could be started. Install the "
                "package `chromium` of your system, or run `playwright install chromium`. "
                f"It said: {error.message.splitlines()[0]}",
                pytrace=False,
            )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def embedder(machine_settings: Settings) -> WatchedEmbedder:
    return WatchedEmbedder(make_embedder(machine_settings, unheard))


@pytest.fixture(scope="module")
def services(
    machine_settings: Settings, database_url: URL, embedder: WatchedEmbedder
) -> Iterator[Services]:
    url = SecretStr(database_url.render_as_string(hide_password=False))
    settings = machine_settings.model_copy(update={"tidb_database_url": url, "max_upload_mb": 1})
    with opened(settings, embedder) as services:
        services.first_knowledge_base()
        yield services


@pytest.fixture(scope="module")
def address(services: Services) -> Iterator[str]:
    app = application(services.settings, services)
    app.state.worker = services.worker()
    app.state.worker.start()
    try:
        with served(app) as address:
            yield address
    finally:
        app.state.worker.stop()


@pytest.fixture(scope="module")
def library(services: Services, address: str) -> Library:
    """A knowledge base with the harbour's documents, ingested."""
    library = Library(services, services.knowledge_bases.create("harbour"), address)
    for name, content in HARBOUR.items():
        library.add(name, content)
    library.settle()
    return library


@dataclass(frozen=True)
class Faults:
    """What a page must not do: complain in its console, break, or call another host."""

    found: list[str]
    expected: list[str]

    def expect(self, words: str) -> None:
        """A complaint with these words belongs to the test."""
        self.expected.append(words)

    def unexpected(self) -> list[str]:
        return [each for each in self.found if not any(words in each for words in self.expected)]


@pytest.fixture
def faults() -> Faults:
    return Faults([], [])


@pytest.fixture
def page(chromium: Browser, address: str, faults: Faults) -> Iterator[Page]:
    """A page with scripts, wide and light; whatever it does wrong fails the test."""
    with_scripts = chromium.new_context(viewport={"width": WIDE, "height": 800}, base_url=address)
    yield from watched(with_scripts, address, faults)


@pytest.fixture
def plain_page(chromium: Browser, address: str, faults: Faults) -> Iterator[Page]:
    """A page without scripts."""
    without = chromium.new_context(java_script_enabled=False, base_url=address)
    yield from watched(without, address, faults)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with files to upload."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def watched(context: BrowserContext, address: str, faults: Faults) -> Iterator[Page]:
    """A page of the context, whose faults are kept; there must be none but expected ones."""
    host = urlsplit(address).hostname or ""
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("console", lambda message: _complaint(faults, message.type, message.text))
    page.on("pageerror", lambda error: faults.found.append(f"broke: {error}"))
    page.on("request", lambda request: _call(faults, host, request.url))
    yield page
    context.close()
    assert faults.unexpected() == []


def _complaint(faults: Faults, kind: str, words: str) -> None:
    if kind in {"error", "warning"}:
        faults.found.append(f"{kind}: {words}")


def _call(faults: Faults, host: str, url: str) -> None:
    called = urlsplit(url)
    if called.scheme not in {"data", "blob"} and called.hostname != host:
        faults.found.append(f"called {url}")
