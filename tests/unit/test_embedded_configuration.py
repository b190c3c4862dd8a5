from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from app.database.embedded.binary import version_number
from app.database.embedded.configuration import (
    configuration,
    first_statements,
    memory_environment,
    process_environment,
)


def test_the_configuration_is_toml_however_the_folder_is_called() -> None:
    folder = Path('/data/a "quoted" \\ folder')
    told = tomllib.loads(configuration(log=folder / "l", slow_log=folder / "s", temporary=folder))
    assert told["log"]["file"]["filename"] == str(folder / "l")
    assert told["log"]["slow-query-file"] == str(folder / "s")
    assert told["temp-dir"] == str(folder)


def test_there_is_no_socket_whose_path_could_be_too_long() -> None:
    told = tomllib.loads(configuration(log=Path("l"), slow_log=Path("s"), temporary=Path("t")))
    assert told["socket"] == ""


def test_root_is_narrowed_to_loopback_and_gets_the_password() -> None:
    statements = first_statements("sesame", user_host="127.0.0.1").splitlines()
    assert statements[0] == "RENAME USER 'root'@'%' TO 'root'@'127.0.0.1';"
    assert statements[1] == "ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY 'sesame';"


def test_in_a_container_root_comes_from_the_bridge() -> None:
    assert "RENAME" not in first_statements("sesame", user_host="%")


def test_the_memory_is_held_by_go_itself() -> None:
    assert memory_environment(512)["GOMEMLIMIT"] == "512MiB"


def test_keys_of_model_providers_do_not_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_CHAT_API_KEY", "sk-secret")
    environment = process_environment(512, Path("/data/tmp"))
    assert "TIDEMARK_CHAT_API_KEY" not in environment
    assert environment["TMPDIR"] == "/data/tmp"


@pytest.mark.parametrize(
    ("told", "number"),
    [("v8.5.4", (8, 5, 4)), ("8.5.10-pre", (8, 5, 10)), ("nonsense", (0, 0, 0))],
)
def test_versions_are_compared_as_numbers(told: str, number: tuple[int, ...]) -> None:
    assert version_number(told) == number
