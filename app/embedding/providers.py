"""What is known of the providers of OpenAI-compatible endpoints: their names and their limits."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

OPENAI_BASE = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Limits:
    """The most that one request to an embedding endpoint may hold."""

    inputs: int
    tokens: int


_BY_ADDRESS = {
    "api.openai.com": ("OpenAI", Limits(2048, 300_000)),
    # 60,000 tokens a minute for a whole workspace: small requests leave room for the others'.
    "api.langdock.com": ("Langdock", Limits(128, 10_000)),
    "nano-gpt.com": ("NanoGPT", Limits(128, 32_000)),
    ":11434": ("Ollama", Limits(64, 16_000)),
}

_ANY = Limits(32, 16_000)
"""What every server takes as it comes: Text Embeddings Inference has the smallest default."""


@dataclass(frozen=True)
class Provider:
    """Who answers at an address."""

    name: str
    limits: Limits


def provider_at(api_base: str) -> Provider:
    """The provider at `api_base`: by its host, or its port where that is as good as a name."""
    address = urlsplit(api_base)
    host = address.hostname or api_base
    for key, (name, limits) in _BY_ADDRESS.items():
        if key.startswith(":"):
            if address.port == int(key[1:]):
                return Provider(f"{name} at {address.netloc.rpartition('@')[2]}", limits)
        elif host == key or host.endswith("." + key):
            return Provider(name, limits)
    return Provider(address.netloc.rpartition("@")[2] or api_base, _ANY)
