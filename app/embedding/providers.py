"""What is known of the providers of OpenAI-compatible endpoints: one entry each.

To add a provider is to add an entry. The figures are from the providers' own pages; what an account
is allowed may differ, and is then a setting. What a model wants before its texts depends on the
model, whoever serves it: see `known_models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import urlsplit

OPENAI_BASE = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Limits:
    """The most that one request to an embedding endpoint may hold."""

    inputs: int
    tokens: int


@dataclass(frozen=True)
class Rate:
    """The most in a minute, for all that use one account; None: no limit is known."""

    requests: int | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Provider:
    """Who answers at an address."""

    name: str
    limits: Limits
    rate: Rate = Rate()
    keys_share: bool = False
    """Whether the rate is for a workspace or a network address, whatever key is shown."""
    base: str = ""
    """The address to begin with; parts in angle brackets are for a person to fill in."""
    wants_key: bool = True
    """Whether it refuses whoever shows none; all take it as `Authorization: Bearer`."""
    models: Mapping[str, float | None] = field(default_factory=lambda: MappingProxyType({}))
    """The embedding models that its page lists, with US dollars for a million tokens.

    How wide their vectors are is asked of them: pages are wrong about it.
    """


@dataclass(frozen=True)
class Entry:
    """A provider, and how its address is told: by host, port or the end of the path."""

    provider: Provider
    host: str = ""
    port: int | None = None
    path: str = ""
    told: bool = True
    """Whether an address tells it at all: some may stand anywhere."""

    def is_at(self, host: str, port: int | None, path: str) -> bool:
        return (
            self.told
            and (not self.host or host == self.host or host.endswith(f".{self.host}"))
            and self.port in {None, port}
            and path.endswith(self.path)
        )


_ANY = Limits(32, 16_000)
"""What every server takes as it comes: Text Embeddings Inference has the smallest default."""

# Both tokens of a minute and requests of a minute are a whole workspace's.
_LANGDOCK = Provider(
    "Langdock",
    Limits(128, 3_000),
    Rate(requests=500, tokens=60_000),
    keys_share=True,
    base="https://api.langdock.com/openai/<eu or us>/v1",
    models={"text-embedding-ada-002": None},
)

_NANOGPT = Provider(
    "NanoGPT",
    Limits(128, 32_000),
    Rate(requests=6_000),  # 100 a second for a network address
    keys_share=True,
    base="https://nano-gpt.com/api/v1",
    models={
        "text-embedding-3-small": 0.02,
        "text-embedding-3-large": 0.13,
        "text-embedding-ada-002": 0.10,
        "BAAI/bge-m3": 0.01,
        "jina-clip-v1": 0.04,
        "BAAI/bge-large-en-v1.5": 0.01,
        "BAAI/bge-large-zh-v1.5": 0.01,
        "jina-embeddings-v2-base-en": 0.05,
        "jina-embeddings-v2-base-de": 0.05,
        "jina-embeddings-v2-base-zh": 0.05,
        "jina-embeddings-v2-base-es": 0.05,
        "jina-embeddings-v2-base-code": 0.05,
        "Baichuan-Text-Embedding": 0.088,
        "netease-youdao/bce-embedding-base_v1": 0.02,
        "zhipu-embedding-2": 0.07,
        "Qwen/Qwen3-Embedding-0.6B": 0.01,
    },
)

ENTRIES = (
    Entry(
        Provider(
            "Ollama",
            Limits(64, 16_000),
            base="http://localhost:11434/v1",
            wants_key=False,
            models={"nomic-embed-text": None, "bge-m3": None, "embeddinggemma": None},
        ),
        port=11434,
    ),
    Entry(
        Provider(
            "vLLM",
            _ANY,
            base="http://localhost:8001/v1",
            wants_key=False,
            models={"intfloat/e5-mistral-7b-instruct": None},
        ),
        told=False,
    ),
    Entry(
        Provider(
            "OpenAI",
            Limits(2048, 300_000),
            base=OPENAI_BASE,
            models={
                "text-embedding-3-small": 0.02,
                "text-embedding-3-large": 0.13,
                "text-embedding-ada-002": 0.10,
            },
        ),
        host="api.openai.com",
    ),
    Entry(_NANOGPT, host="nano-gpt.com"),
    Entry(_LANGDOCK, host="api.langdock.com"),
    Entry(
        replace(_LANGDOCK, name="Langdock, dedicated", base="https://<your deployment>/api/public"),
        path="/api/public",
    ),
    Entry(
        Provider(
            "Text Embeddings Inference",
            _ANY,
            base="http://localhost:8080/v1",
            wants_key=False,
            models={"BAAI/bge-base-en-v1.5": None},
        ),
        told=False,
    ),
    Entry(Provider("another", _ANY, base="https://<host>/v1", wants_key=False), told=False),
)


def provider_at(api_base: str) -> Provider:
    """The provider at `api_base`; one that nobody knows is called by its address."""
    address = urlsplit(api_base)
    host, where = address.hostname or api_base, address.netloc.rpartition("@")[2]
    for entry in ENTRIES:
        if entry.is_at(host, address.port, address.path.rstrip("/")):
            known = entry.provider
            if entry.host:
                return known
            return replace(known, name=f"{known.name.partition(',')[0]} at {where}")
    return Provider(where or api_base, _ANY)
