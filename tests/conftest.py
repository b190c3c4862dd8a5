"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from app.config import Settings, load_settings
from app.errors import TidemarkError
from tests.tidb import fresh_database, tidb_for_tests


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
    shared = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # pytest-xdist: the run's folder is one up
        shared = shared.parent
    try:
        with tidb_for_tests(machine_settings, shared / "tidemark") as url:
            yield url
    except TidemarkError as error:
        pytest.exit(f"No TiDB for the tests. {error.message} {error.remedy}", returncode=1)


@pytest.fixture(scope="module")
def database_url(tidb_url: URL) -> Iterator[URL]:
    """An empty database of the test module's own."""
    with fresh_database(tidb_url) as url:
        yield url
