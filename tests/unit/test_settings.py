from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.config import Settings, load_settings, shown_settings
from app.errors import InvalidSetting


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith(("TIDEMARK_", "TIDB_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)  # where there is no .env


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings()
    assert settings.tidb_database_url is None
    assert settings.chat_model is None
    assert settings.embedding_model == "local/all-MiniLM-L6-v2"
    assert settings.data_dir.is_absolute()


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("TIDEMARK_EMBEDING_MODEL", "TIDEMARK_EMBEDDING_MODEL"),
        ("TIDEMARK_DATABASE_URL", "TIDB_DATABASE_URL"),
    ],
)
def test_an_unknown_name_is_refused_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, wrong: str, meant: str
) -> None:
    monkeypatch.setenv(wrong, "anything")
    with pytest.raises(InvalidSetting, match=f"{wrong} is not a setting") as refused:
        load_settings()
    assert refused.value.remedy == f"Did you mean {meant}?"


def test_an_unknown_name_like_no_other_points_to_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_XYZZY", "1")
    with pytest.raises(InvalidSetting) as refused:
        load_settings()
    assert ".env.example" in refused.value.remedy


def test_an_unknown_name_in_the_file_is_refused_too() -> None:
    Path(".env").write_text("TIDEMARK_PROT=9000\n")
    with pytest.raises(InvalidSetting, match="TIDEMARK_PROT is not a setting"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "what_would_be_right"),
    [
        ("TIDEMARK_PORT", "http", "valid integer"),
        ("TIDEMARK_PORT", "70000", "less than or equal to 65535"),
        ("TIDEMARK_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("TIDEMARK_EMBEDDING_MODEL", "all-MiniLM-L6-v2", "local/<model or folder>"),
        ("TIDEMARK_CHAT_API_BASE", "localhost:11434", "http:// or https://"),
        ("TIDEMARK_TIDB_MEMORY_MB", "12", "greater than or equal to 256"),
    ],
)
def test_a_bad_value_is_refused_with_name_value_and_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, what_would_be_right: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting) as refused:
        load_settings()
    assert name in refused.value.message
    assert repr(value) in refused.value.message
    assert what_would_be_right in refused.value.message


def test_an_empty_value_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_PORT", "")
    assert load_settings().port == 8000


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("TIDEMARK_PORT=9000\nTIDEMARK_HOST=0.0.0.0\n")
    monkeypatch.setenv("TIDEMARK_PORT", "9001")
    settings = load_settings()
    assert (settings.port, settings.host) == (9001, "0.0.0.0")  # noqa: S104


def test_paths_are_made_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_DATA_DIR", "here/data")
    assert load_settings().data_dir == Path.cwd() / "here" / "data"


def test_a_workers_figures_are_at_a_port_of_loopback_or_where_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load_settings().worker_metrics_address is None
    for said, address in (
        ("9464", ("127.0.0.1", 9464)),
        ("10.0.0.7:9464", ("10.0.0.7", 9464)),
        ("[::1]:9464", ("::1", 9464)),
    ):
        monkeypatch.setenv("TIDEMARK_WORKER_METRICS", said)
        assert load_settings().worker_metrics_address == address
    for wrong in ("worker", "127.0.0.1", "127.0.0.1:66000", "-1"):
        monkeypatch.setenv("TIDEMARK_WORKER_METRICS", wrong)
        with pytest.raises(InvalidSetting, match="it must be a port, or address:port"):
            load_settings()


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_CHAT_API_KEY", "sk-sesame")
    monkeypatch.setenv("TIDB_DATABASE_URL", "mysql+pymysql://root:sesame@127.0.0.1:4000/tidemark")
    settings = load_settings()
    shown = shown_settings(settings)
    assert shown["TIDEMARK_CHAT_API_KEY"] == "set (not shown)"
    assert shown["TIDB_DATABASE_URL"] == "set (not shown)"
    assert shown["TIDEMARK_EMBEDDING_API_KEY"] == "not set"
    assert "sesame" not in f"{shown} {settings!r} {settings}"


def test_only_what_can_be_a_proxys_address_is_trusted() -> None:
    assert Settings(_env_file=None).proxies == ["127.0.0.1"]
    named = Settings(_env_file=None, trusted_proxies="10.0.0.0/8, ::1")
    assert named.proxies == ["10.0.0.0/8", "::1"]
    for wrong in ("*", "proxy.example.com", "10.0.0.1/8"):
        with pytest.raises(ValidationError, match="an address or a network"):
            Settings(_env_file=None, trusted_proxies=wrong)
