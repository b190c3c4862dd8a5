"""Each provider of the table against a server of its shape: documented replies, and faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr

from app.config import Settings
from app.embedding.added_models import NewModel, endpoint_settings
from app.embedding.preflight import Preflight, preflight
from app.embedding.providers import ENTRIES, Provider, Rate, provider_at
from app.embedding.remote import RemoteEmbedder, make_remote_embedder
from app.embedding.retries import Retries
from tests.fake_provider import NATIVE_WIDTHS, FakeProvider, Kind, Reply, serving

NANOGPT = provider_at("https://nano-gpt.com/api/v1")
ONCE = (Retries(1), Retries(1))


@contextmanager
def embedder(
    settings: Settings, provider: FakeProvider, model: str, key: str = "sk-1"
) -> Iterator[RemoteEmbedder]:
    with serving(provider):
        asked = NewModel(model, provider.api_base, SecretStr(key))
        made = make_remote_embedder(endpoint_settings(asked, settings))
        made.retries = ONCE
        yield made


def tried(
    settings: Settings, kind: Kind, model: str, *replies: Reply, key: str = "sk-1"
) -> Preflight:
    provider = FakeProvider(kind, key="sk-1", replies=list(replies))
    with embedder(settings, provider, model, key) as made:
        return preflight(made)


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("ollama", "nomic-embed-text"),
        ("vllm", "intfloat/e5-mistral-7b-instruct"),
        ("openai", "text-embedding-3-small"),
        ("nanogpt", "Qwen/Qwen3-Embedding-0.6B"),
        ("langdock", "text-embedding-ada-002"),
        ("tei", "BAAI/bge-base-en-v1.5"),
    ],
)
def test_a_pre_flight_tells_how_wide_and_how_fast_a_model_is(
    machine_settings: Settings, kind: Kind, model: str
) -> None:
    found = tried(machine_settings, kind, model)
    assert found.problem is None, found.problem
    assert found.width == NATIVE_WIDTHS[model]
    assert found.question_ms > 0
    assert found.texts_a_second > 0


@pytest.mark.parametrize("model", NANOGPT.models)
def test_the_width_of_every_model_of_nanogpt_is_asked_of_it(
    machine_settings: Settings, model: str
) -> None:
    provider = FakeProvider("nanogpt")
    with embedder(machine_settings, provider, model) as made:
        assert made.dimensions == NATIVE_WIDTHS[model]
        assert len(made.embed_query("When does the tide turn?")) == NATIVE_WIDTHS[model]
    assert all("dimensions" not in request for request in provider.requests)


def test_nanogpt_has_its_16_models_with_their_prices() -> None:
    assert len(NANOGPT.models) == 16
    assert all(price is not None for price in NANOGPT.models.values())


@pytest.mark.parametrize(
    ("kind", "model", "fault", "words", "remedy"),
    [
        ("nanogpt", "BAAI/bge-m3", Reply(402, {"error": "Insufficient balance", "status": 402}),
         "Insufficient balance", "account"),
        ("nanogpt", "BAAI/bge-m3", Reply(400, {"error": 400, "message": "Invalid request"}),
         "Invalid request", ""),
        ("nanogpt", "BAAI/bge-m3", Reply(500, {"error": {"message": "Server error"}}),
         "Server error", ""),
        ("langdock", "text-embedding-ada-002",
         Reply(401, {"message": "The provided API key is invalid."}),
         "The provided API key is invalid", "KEY"),
        ("langdock", "text-embedding-ada-002",
         Reply(429, {"message": "Rate limit for public API exceeded"}, {"Retry-After": "120"}),
         "Rate limit for public API exceeded", ""),
        ("langdock", "text-embedding-ada-002",
         Reply(500, {"message": "Internal Server Error"}), "Internal Server Error", ""),
        ("tei", "BAAI/bge-base-en-v1.5",
         Reply(424, {"message": "Model is overloaded", "code": 424, "type": "backend"}),
         "Model is overloaded", ""),
        ("tei", "BAAI/bge-base-en-v1.5",
         Reply(429, {"message": "Model is overloaded", "code": 429, "type": "overloaded"}),
         "Model is overloaded", ""),
        ("vllm", "intfloat/e5-mistral-7b-instruct",
         Reply(400, {"object": "error", "message": "too long", "code": 400}), "too long", ""),
        ("ollama", "nomic-embed-text",
         Reply(404, {"error": {"message": 'model "nomic-embed-text" not found'}}),
         "not found", "ollama pull"),
        ("openai", "text-embedding-3-small",
         Reply(429, {"error": {"message": "You exceeded your quota",
                               "code": "insufficient_quota"}}),
         "You exceeded your quota", "quota"),
    ],
)  # fmt: skip
def test_what_a_provider_says_of_a_fault_is_told_in_its_words(  # noqa: PLR0917
    machine_settings: Settings, kind: Kind, model: str, fault: Reply, words: str, remedy: str
) -> None:
    found = tried(machine_settings, kind, model, *[fault] * 3)
    assert found.problem is not None
    assert words in found.problem
    assert remedy in found.remedy
    assert "sk-1" not in found.problem + found.remedy


def test_a_wrong_key_is_told_without_the_key(machine_settings: Settings) -> None:
    for kind, model in (("nanogpt", "BAAI/bge-m3"), ("langdock", "text-embedding-ada-002")):
        found = tried(machine_settings, kind, model, key="sk-wrong")  # type: ignore[arg-type]
        assert found.problem is not None
        assert "API key" in found.problem
        assert "sk-wrong" not in found.problem


def test_tei_is_never_sent_more_than_it_takes(machine_settings: Settings) -> None:
    provider = FakeProvider("tei")
    with embedder(machine_settings, provider, "BAAI/bge-base-en-v1.5") as made:
        made.embed_documents([f"Tide number {n}." for n in range(100)])
    assert max(len(request["input"]) for request in provider.requests) <= 32


@pytest.mark.parametrize(
    ("base", "name", "rate", "shared"),
    [
        ("https://api.langdock.com/openai/eu/v1", "Langdock", Rate(500, 60_000), True),
        ("https://api.langdock.com/openai/us/v1", "Langdock", Rate(500, 60_000), True),
        ("https://ai.corp.example/api/public", "Langdock at ai.corp.example",
         Rate(500, 60_000), True),
        ("https://nano-gpt.com/api/v1", "NanoGPT", Rate(6_000), True),
        ("https://api.openai.com/v1", "OpenAI", Rate(), False),
        ("http://localhost:11434/v1", "Ollama at localhost:11434", Rate(), False),
        ("https://models.example.com/v1", "models.example.com", Rate(), False),
    ],
)  # fmt: skip
def test_a_provider_is_told_by_its_address(
    base: str,
    name: str,
    rate: Rate,
    shared: bool,  # noqa: FBT001
) -> None:
    found = provider_at(base)
    assert (found.name, found.rate, found.keys_share) == (name, rate, shared)


def test_every_preset_says_all_that_a_person_has_to_fill_in() -> None:
    presets: list[Provider] = [entry.provider for entry in ENTRIES]
    assert len({each.name for each in presets}) == len(presets)
    for each in presets:
        assert each.base.startswith(("http://", "https://"))
        assert each.limits.inputs >= 1
        told = provider_at(each.base.replace("<eu or us>", "eu").replace("<your deployment>", "a"))
        assert told.limits == each.limits or not told.models
