"""The example programs, run as a reader runs them: as programs, on a real TiDB, by settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from app.config import PREFIX, TIDB_NAMES, Settings, project_folder
from app.embedding import Embedder, make_embedder
from tests.fake_provider import FakeProvider, Kind, serving
from tests.waiting import PATIENCE

TUTORIAL = project_folder() / "examples" / "openai_compatible_embeddings.py"
ABOUT_THE_LANGUAGE = "Java: Object-oriented language for cross-platform development."

pytestmark = pytest.mark.slow  # each is a process of its own, that loads a model's client


@pytest.fixture(scope="module")
def local(machine_settings: Settings) -> Embedder:
    settings = Settings(_env_file=None, cache_dir=machine_settings.cache_dir)
    return make_embedder(settings, lambda _: None)


@pytest.fixture
def provider(local: Embedder) -> Iterator[FakeProvider]:
    """An endpoint whose model understands what it reads: the local one."""
    fake = FakeProvider()
    fake.understand(local.embed_documents)
    with serving(fake):
        yield fake


def best_two(folder: Path, tidb: URL, cache_dir: Path, **settings: str) -> list[str]:
    """What the tutorial finds, best first, with no setting but those."""
    ours = (PREFIX, *TIDB_NAMES)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {
        "TIDB_DATABASE_URL": tidb.render_as_string(hide_password=False),
        "TIDEMARK_CACHE_DIR": str(cache_dir),
        **settings,
    }
    ended = subprocess.run(
        [sys.executable, str(TUTORIAL)],
        cwd=folder,  # where there is no .env
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return [line.split(maxsplit=1)[1] for line in ended.stdout.splitlines()]


def test_the_tutorial_finds_the_language_with_the_local_model_and_no_key(
    tmp_path: Path, empty_database_url: URL, machine_settings: Settings
) -> None:
    found = best_two(tmp_path, empty_database_url, machine_settings.cache_dir)
    assert found == [ABOUT_THE_LANGUAGE, "Java's syntax is used in Android apps."]


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("ollama", "nomic-embed-text"),
        ("vllm", "intfloat/e5-mistral-7b-instruct"),
        ("openai", "text-embedding-3-small"),
    ],
)
def test_the_tutorial_finds_the_language_through_each_endpoint_and_may_be_run_again(
    kind: Kind,
    model: str,
    tmp_path: Path,
    empty_database_url: URL,
    provider: FakeProvider,
) -> None:
    provider.kind = kind
    if kind == "openai":
        provider.key = "a-key"
    found = best_two(
        tmp_path,
        empty_database_url,
        tmp_path,
        TIDEMARK_EMBEDDING_MODEL=f"openai/{model}",
        TIDEMARK_EMBEDDING_API_BASE=provider.api_base,
        **({"TIDEMARK_EMBEDDING_API_KEY": provider.key} if provider.key else {}),
    )
    assert ABOUT_THE_LANGUAGE in found
    assert len(found) == 2
    assert any(text.endswith(ABOUT_THE_LANGUAGE) for text in provider.sent_texts)
