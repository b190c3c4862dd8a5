"""`tidemark database` and the embedded server it starts and stops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.program import program
from app.config import Settings
from app.database.embedded import EmbeddedServer, stop_embedded_server


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder in which no server runs, before or after."""
    folder = tmp_path / "data"
    monkeypatch.delenv("TIDB_DATABASE_URL", raising=False)
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(folder))
    monkeypatch.chdir(tmp_path)
    yield folder
    stop_embedded_server(folder)


def status() -> dict[str, object]:
    found: dict[str, object] = json.loads(run("status", "--json"))
    return found


def run(command: str, *options: str) -> str:
    result = CliRunner().invoke(program, ["database", command, *options])
    assert result.exit_code == 0, result.output
    return result.stdout or result.stderr


def test_a_server_that_was_started_by_hand_outlives_those_who_use_it_until_it_is_stopped(
    data_dir: Path, machine_settings: Settings
) -> None:
    assert "TiDB runs on 127.0.0.1" in run("start")
    server = EmbeddedServer(data_dir, machine_settings.cache_dir, 600, lambda _: None)
    server.acquire().release()
    assert status()["running"] is True
    assert "TiDB is stopped." in run("stop")
    assert status() | {"running": False, "unclean": False, "users": []} == status()
    server.acquire().release()  # what was asked for by hand ended with `stop`
    assert status()["running"] is False
