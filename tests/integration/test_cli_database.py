"""`tidemark database` and the embedded server it starts and stops."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL
from typer.testing import CliRunner

from app.cli.program import program
from app.config import Settings, project_folder
from app.database.embedded import EmbeddedServer, stop_embedded_server
from tests.waiting import PATIENCE


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


@contextmanager
def in_use(data_dir: Path, cache_dir: Path) -> Iterator[None]:
    """Another process uses the server meanwhile."""
    command = [sys.executable, "-m", "tests.embedded_user", str(data_dir), str(cache_dir)]
    with subprocess.Popen(
        command, cwd=project_folder(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        yield
        process.stdin.close()
        process.wait(PATIENCE)


def outcome(*arguments: str) -> str:
    result = CliRunner().invoke(program, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


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


def test_a_copy_of_the_stopped_data_folder_is_a_backup_and_a_move_takes_everything_along(
    data_dir: Path,
    tmp_path: Path,
    empty_database_url: URL,
    machine_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "guide.md").write_text("The tide turns at noon.")
    outcome("ingest", "guide.md")
    url = empty_database_url.render_as_string(hide_password=False)
    with in_use(data_dir, machine_settings.cache_dir):
        refused = CliRunner().invoke(program, ["database", "move", url])
    assert "Other Tidemark processes are using the data" in refused.stderr
    nothing = CliRunner().invoke(program, ["database", "move"], input="")
    assert "URL of the other TiDB: nothing was given" in nothing.stderr
    moved = CliRunner().invoke(program, ["database", "move", "-"], input=f"{url}\n")
    assert "both databases are the same" in moved.stderr
    assert url not in moved.output
    backup = tmp_path / "backup"
    shutil.copytree(data_dir, backup, symlinks=True)
    shutil.rmtree(data_dir)
    shutil.copytree(backup, data_dir, symlinks=True)
    assert "The tide turns at noon." in outcome("search", "when does the tide turn")
    shutil.rmtree(data_dir)
    monkeypatch.setenv("TIDB_DATABASE_URL", url)
    assert "The tide turns at noon." in outcome("search", "when does the tide turn")
