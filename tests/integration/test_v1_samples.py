"""The sample programs of providers' pages, with only their base URL and key changed.

The names of their models are those of a provider that Tidemark is set up with, or aliases.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import URL

from app.config import Settings
from app.embedding.embedder import Embedder
from app.embedding.making import make_embedder
from app.services import Services
from tests.fake_provider import FakeProvider, serving
from tests.integration.parts import opened, unheard
from tests.node.running import FOLDER, node
from tests.server import application, served
from tests.waiting import PATIENCE

SAMPLES = Path(__file__).parent.parent / "samples"
BASES = (
    "https://api.openai.com/v1",
    "https://nano-gpt.com/api/v1",
    "https://api.langdock.com/openai/eu/v1",
)
KEYS = ("YOUR_NANOGPT_API_KEY", "<YOUR_LANGDOCK_API_KEY>")
FIND_SIMILAR_TEXTS = """
def find_similar_texts(query_embedding, knowledge_base, top_k):
    return [item["text"] for item in knowledge_base][:top_k]
"""

pytestmark = pytest.mark.slow  # each is a process of its own


@pytest.fixture(scope="module")
def provider(local_embedder: Embedder) -> Iterator[FakeProvider]:
    provider = FakeProvider(kind="openai")
    provider.understand(local_embedder.embed_documents)
    with serving(provider):
        yield provider


@pytest.fixture(scope="module")
def settings(settings: Settings, provider: FakeProvider) -> Settings:
    return settings.model_copy(
        update={
            "embedding_model": "openai/text-embedding-3-small",
            "embedding_api_base": provider.api_base,
            "model_aliases": "text-embedding-ada-002=text-embedding-3-small,gpt-4=tidemark/default",
        }
    )


@pytest.fixture(scope="module")
def services(settings: Settings) -> Iterator[Services]:
    with opened(settings, make_embedder(settings, unheard)) as services:
        services.first_knowledge_base()
        yield services


@pytest.fixture(scope="module")
def base_url(settings: Settings, services: Services) -> Iterator[str]:
    with served(application(settings, services)) as address:
        yield f"{address}/v1"


def changed(name: str, base_url: str) -> str:
    """A sample with only its base URL and its key changed."""
    text = (SAMPLES / name).read_text()
    for base in BASES:
        text = text.replace(base, base_url)
    for key in KEYS:
        text = text.replace(key, "any")
    return text


def python(program: str, base_url: str) -> str:
    return _run([sys.executable, "-c", program], base_url)


def _run(command: list[str], base_url: str) -> str:
    kept = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    ended = subprocess.run(
        command,
        env=kept | {"OPENAI_API_KEY": "any", "OPENAI_BASE_URL": base_url},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def mjs(name: str, base_url: str, tmp_path: Path) -> str:
    # Imports are looked up from where the program is.
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    program = tmp_path / name
    program.write_text(changed(name, base_url))
    return node(program, OPENAI_API_KEY="any", OPENAI_BASE_URL=base_url)


@pytest.mark.parametrize("name", ["openai.sh", "nanogpt.sh"])
def test_curl(name: str, base_url: str) -> None:
    told = json.loads(_run(["bash", "-c", changed(name, base_url)], base_url))
    assert len(told["data"][0]["embedding"]) == 1536
    assert told["model"] == "text-embedding-3-small"


def test_openais_python(base_url: str) -> None:
    program = changed("openai.py", base_url).replace("client.emb", "reply = client.emb")
    assert "1536" in python(program + "print(len(reply.data[0].embedding))", base_url)


def test_the_courses_similarity(base_url: str, local_embedder: Embedder) -> None:
    told = [float(line) for line in python(changed("course.py", base_url), base_url).split()]
    apple, *others = np.array(local_embedder.embed_documents(["Apple", "Orange", "Lightning"]))
    assert told == pytest.approx([float(apple @ other) for other in others], abs=1e-4)


def test_nanogpts_python_with_its_batches_dimensions_search_and_chat(base_url: str) -> None:
    program = changed("nanogpt.py", base_url)
    program = program.replace("# relevant_facts =", f"{FIND_SIMILAR_TEXTS}\nrelevant_facts =")
    program = program.replace(
        "import numpy", "print(len(response.data[0].embedding))\nimport numpy"
    )
    lines = python(program + "\nprint(bool(chat_response.choices))", base_url).splitlines()
    assert lines[:5] == [
        "Embedding dimensions: 1536",
        *(f"Text {number}: 1536 dimensions" for number in range(3)),
        "256",
    ]
    assert [line.split()[0] for line in lines[5:8]] == ["Document"] * 3
    assert lines[-1] == "True"


def test_langdocks_python(base_url: str) -> None:
    vector = json.loads(python(changed("langdock.py", base_url), base_url))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["openai.mjs", "nanogpt.mjs", "langdock.mjs"])
def test_node(name: str, base_url: str, tmp_path: Path) -> None:
    told = mjs(name, base_url, tmp_path)
    expected = {
        "openai.mjs": "model: 'text-embedding-3-small'",
        "nanogpt.mjs": "Embedding dimensions: 1536",
        "langdock.mjs": "1436 more items",
    }
    assert expected[name] in told


def test_pytidbs_embedding_function_ranks_the_tutorials_documents(
    base_url: str, database_url: URL
) -> None:
    from pytidb.embeddings import EmbeddingFunction

    embed = EmbeddingFunction(
        model_name="openai/text-embedding-3-small",
        api_base=base_url,
        api_key="any",
        use_server=False,  # TiDB itself embeds nothing here
    )
    assert embed.dimensions == 1536
    documents = [
        "Java: Object-oriented language for cross-platform development.",
        "Java coffee: Bold Indonesian beans with low acidity.",
        "Java island: Densely populated, home to Jakarta.",
        "Java's syntax is used in Android apps.",
        "Dark roast Java beans enhance espresso blends.",
    ]
    vectors = np.array(embed.get_source_embeddings(documents))
    query = np.array(embed.get_query_embedding("How to start learning Java programming?"))
    assert [int(row) for row in np.argsort(-vectors @ query)[:2]] == [0, 3]


def test_a_provider_is_asked_for_whole_vectors_and_unknown_widths_are_refused(
    base_url: str, provider: FakeProvider
) -> None:
    import httpx

    body = {"model": "text-embedding-3-small", "input": "tide", "dimensions": 256}
    reply = httpx.post(f"{base_url}/embeddings", json=body, trust_env=False)
    vector = reply.json()["data"][0]["embedding"]
    assert len(vector) == 256
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert "dimensions" not in provider.requests[-1]
    body["dimensions"] = 1537
    refused = httpx.post(f"{base_url}/embeddings", json=body, trust_env=False)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "dimensions"


def test_aliases_are_listed_and_found(base_url: str) -> None:
    import httpx

    models = httpx.get(f"{base_url}/models", trust_env=False).json()["data"]
    assert {"text-embedding-3-small", "tidemark/default", "gpt-4"} <= {m["id"] for m in models}
    one = httpx.get(f"{base_url}/models/gpt-4", trust_env=False).json()
    assert one["id"] == "tidemark/default"
