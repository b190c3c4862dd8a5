"""What is known of the providers of OpenAI-compatible endpoints: one entry each.

To add a provider is to add an entry. The figures are from the providers' own pages; what an account
is allowed may differ, and is then a setting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Entry:
    """A provider, and how its address is told: by host, port or the end of the path."""

    provider: Provider
    host: str = ""
    port: int | None = None
    path: str = ""

    def is_at(self, host: str, port: int | None, path: str) -> bool:
        return (
            (not self.host or host == self.host or host.endswith(f".{self.host}"))
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
)

ENTRIES = (
    Entry(
        Provider(
            "OpenAI",
            Limits(2048, 300_000),
        ),
        host="api.openai.com",
    ),
    Entry(_LANGDOCK, host="api.langdock.com"),
    Entry(_LANGDOCK, path="/api/public"),  # a dedicated deployment
    Entry(
        Provider(
            "NanoGPT",
            Limits(128, 32_000),
            Rate(requests=6_000),  # 100 a second for a network address
            keys_share=True,
        ),
        host="nano-gpt.com",
    ),
    Entry(Provider("Ollama", Limits(64, 16_000)), port=11434),
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
            return replace(known, name=f"{known.name} at {where}")
    return Provider(where or api_base, _ANY)
