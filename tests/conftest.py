"""What every test may ask for."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator

import hypothesis
import pytest
from pymysql.connections import Connection
from sqlalchemy import URL

from app.config import Settings, load_settings
from app.errors import TidemarkError
from app.indexes import vocabulary
from tests.tidb import fresh_database, make_tables, tidb_for_tests
from tests.waiting import PATIENCE

# No example is wrong because the processors are busy with other tests.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """What is given up when it takes a moment may take its time here: the machine may be busy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "LONGEST_LOOK", int(1000 * PATIENCE))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_tls_context() -> Iterator[None]:
    """PyMySQL reads the system's certificates for each connection: once for all is enough here."""
    made = Connection._create_ssl_ctx
    kept: list[ssl.SSLContext] = []

    def context(self: Connection, wanted: object) -> ssl.SSLContext:
        if wanted:  # certificates or a context of its own
            return made(self, wanted)
        if not kept:
            kept.append(made(self, {}))
        return kept[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "_create_ssl_ctx", context)
        yield


@pytest.fixture(scope="session")
def machine_settings() -> Settings:
    """The settings of the machine that runs the tests: its caches, the TiDB it offers."""
    return load_settings()


@pytest.fixture(scope="session")
def tidb_url(
    machine_settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[URL]:
    """A real TiDB, one per run; without one the run ends, for no test is ever skipped."""
    is_worker = hasattr(request.config, "workerinput")  # one of pytest-xdist's
    shared = tmp_path_factory.getbasetemp()
    if is_worker:
        shared = shared.parent  # the run's folder
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def announce(sentence: str) -> None:
        # Building TiDB takes minutes: whoever waits for the tests should see why.
        with capture.global_and_fixture_disabled():
            print(sentence, file=sys.stderr, flush=True)  # noqa: T201

    try:
        with tidb_for_tests(machine_settings, shared / "tidemark", announce) as url:
            yield url
    except TidemarkError as error:
        sentence = f"No TiDB for the tests. {error.message} {error.remedy}"
        if is_worker:  # it may not end the run, but every test that needs TiDB fails with this
            raise pytest.fail.Exception(sentence, pytrace=False) from None
        pytest.exit(sentence, returncode=1)


@pytest.fixture(scope="module")
def database_url(tidb_url: URL) -> Iterator[URL]:
    """A database of the test module's own, with the tables."""
    with fresh_database(tidb_url) as url:
        make_tables(url)
        yield url


@pytest.fixture
def empty_database_url(tidb_url: URL) -> Iterator[URL]:
    """A database of the test's own, without any table."""
    with fresh_database(tidb_url) as url:
        yield url
