"""How the command line begins and ends: usage, settings, errors and exit codes."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.console import shown, shown_name
from app.cli.exits import ExitCode, exit_code
from app.cli.interrupts import Interrupts
from app.cli.program import program
from app.cli.serving import listen_on
from app.errors import (
    DatabaseUnavailable,
    DocumentNotFound,
    InvalidRequest,
    InvalidSetting,
    ProviderError,
    TidemarkError,
    UnreadableDocument,
)
from tests.tasks import finished


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No settings but these: nothing is started, and nothing that is there is touched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TIDEMARK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("TIDB_DATABASE_URL", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, arguments)


def test_help_names_every_command_and_what_the_exit_codes_mean() -> None:
    said = run("--help").stdout
    for command in ("serve", "worker", "ingest", "search", "ask", "evaluate", "database", "doctor"):
        assert command in said
    assert "Exit codes" in said


def test_help_does_not_wait_for_the_heavy_rooms() -> None:
    loaded = "import sys, app.cli; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"numpy", "sqlalchemy", "pytidb", "fastapi", "uvicorn", "pydantic", "onnxruntime"}
    assert heavy.isdisjoint(modules)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", ""], "The question is empty."),
        (["search", "x" * 100_000], "100,000 characters"),
        (["search", "tide", "--top-k", "-1"], "top_k cannot be -1."),
        (["ask", " "], "The question is empty."),
        (["evaluate", ".", "--mode", "psychic"], "There is no mode 'psychic'."),
        (["evaluate", "nowhere"], "There is no folder 'nowhere'."),
        (["evaluate", "."], "has no corpus.jsonl"),
        (["serve", "--host", "203.0.113.7"], "cannot listen on 203.0.113.7"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_started(
    arguments: list[str], said: str, nowhere: Path
) -> None:
    result = run(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
    assert result.stdout == ""
    assert not (nowhere / "data").exists()


def test_an_unknown_setting_stops_every_command_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TIDEMARK_PROT", "8000")
    result = run("serve")
    assert result.exit_code == ExitCode.USAGE
    assert "TIDEMARK_PROT is not a setting" in result.stderr
    assert "TIDEMARK_PORT" in result.stderr


def test_a_port_in_use_is_said_with_another_to_take() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", str(port))
    assert result.exit_code == ExitCode.USAGE
    assert f"Port {port} on 127.0.0.1 is in use" in result.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machines_own_addresses_are_listened_on(host: str) -> None:
    with listen_on(host, 0) as listener:
        assert listener.getsockname()[1] > 0


def test_what_is_written_is_sent_at_once_rather_than_when_more_has_come() -> None:
    async def at_once() -> int:
        found = asyncio.get_running_loop().create_future()

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listen_on("127.0.0.1", 0)
        async with await asyncio.start_server(connected, sock=listener):
            _, client = await asyncio.open_connection(*listener.getsockname())
            set_so = await found
            client.close()
        return int(set_so)

    assert finished(at_once())


def test_a_tidb_that_does_not_answer_is_a_service_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.database.connection.ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # free again, and nobody's, in a moment
    monkeypatch.setenv("TIDB_DATABASE_URL", f"mysql+pymysql://root:s3cret@127.0.0.1:{port}/tides")
    result = run("search", "tide")
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert f"127.0.0.1:{port} does not answer" in result.stderr
    assert "s3cret" not in result.output


def test_doctor_goes_on_when_tidb_does_not_answer_and_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.database.connection.ATTEMPTS", 1)
    monkeypatch.setenv("TIDB_DATABASE_URL", "mysql+pymysql://root:s3cret@127.0.0.1:1/tides")
    monkeypatch.setenv("TIDEMARK_EMBEDDING_MODEL", "local/nowhere")
    result = run("doctor", "--json")
    assert result.exit_code == ExitCode.FAILED
    assert "s3cret" not in result.output
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert not checks["TiDB"]["ok"]
    assert checks["TiDB"]["remedy"]
    assert not checks["embedding model"]["ok"]
    assert checks["data folder"]["ok"]


def test_the_embedded_server_that_never_ran_is_stopped(nowhere: Path) -> None:
    assert json.loads(run("database", "status", "--json").stdout)["running"] is False
    assert "TiDB was not running." in run("database", "stop").stderr
    assert not (nowhere / "data").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidSetting(""), ExitCode.USAGE),
        (InvalidRequest(""), ExitCode.USAGE),
        (DatabaseUnavailable(""), ExitCode.UNAVAILABLE),
        (ProviderError(""), ExitCode.UNAVAILABLE),
        (UnreadableDocument(""), ExitCode.FAILED),
        (DocumentNotFound(""), ExitCode.FAILED),
    ],
)
def test_an_exit_code_says_what_kind_of_error_it_was(error: TidemarkError, code: ExitCode) -> None:
    assert exit_code(error) is code


def test_what_a_terminal_would_obey_is_shown_as_escapes() -> None:
    assert shown("a\x1b[31mb\tc\n\x9b é 🌊") == "a\\x1b[31mb\tc\n\\x9b é 🌊"
    assert shown_name("a\nb\udcff") == "a\\nb\\udcff"


def test_the_first_signal_interrupts_and_the_next_ones_wait() -> None:
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt):
        interrupts._handle(signal.SIGTERM, None)
    interrupts._handle(signal.SIGINT, None)
    assert interrupts.exit_code is ExitCode.TERMINATED


def test_a_signal_may_be_taken_by_what_is_going_on() -> None:
    taken: list[bool] = []
    interrupts = Interrupts(on_first=lambda: taken.append(True))
    interrupts._handle(signal.SIGINT, None)
    assert taken == [True]
    assert interrupts.exit_code is ExitCode.INTERRUPTED
