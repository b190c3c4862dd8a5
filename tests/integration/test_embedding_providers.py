"""The embedder behind OpenAI-compatible endpoints, over real HTTP."""

from __future__ import annotations

import copy
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr
from pytidb.embeddings import EmbeddingFunction

from app.config import Settings
from app.embedding import make_embedder
from app.embedding.providers import Limits, Provider
from app.embedding.remote import RemoteEmbedder
from app.embedding.retries import Retries
from app.errors import (
    EmbeddingMismatch,
    InvalidSetting,
    ProviderError,
    ProviderUnavailable,
    TidemarkError,
)
from tests.fake_provider import FakeProvider, Kind, Reply, serving
from tests.waiting import PATIENCE, wait_until

JAVA = [
    "Java: Object-oriented language for cross-platform development.",
    "Java coffee: Bold Indonesian beans with low acidity.",
    "Java island: Densely populated, home to Jakarta.",
    "Java's syntax is used in Android apps.",
    "Dark roast Java beans enhance espresso blends.",
]
Maker = Callable[..., RemoteEmbedder]
Change = Callable[[list[list[float]]], list[Any]]
SECRET = "sk-the-secret-key-0123456789"
INSTRUCT = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "
)
MODELS: dict[Kind, str] = {
    "ollama": "nomic-embed-text",
    "vllm": "intfloat/e5-mistral-7b-instruct",
    "openai": "text-embedding-3-small",
}


class Pauses(list[float]):
    """Takes the place of sleeping, and keeps what was slept."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with serving(FakeProvider()) as served:
        yield served


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def embedder_at(tmp_path: Path, pauses: Pauses) -> Maker:
    def make(provider: FakeProvider, **settings: Any) -> RemoteEmbedder:
        given: dict[str, Any] = {
            "embedding_model": "openai/" + MODELS[provider.kind],
            "embedding_api_base": provider.api_base,
            "embedding_timeout": PATIENCE,
            "cache_dir": tmp_path,
            **settings,
        }
        embedder = make_embedder(Settings(**given), lambda _: None)
        assert isinstance(embedder, RemoteEmbedder)
        embedder.retries = (
            Retries(attempts=3, longest=3, after_timeout=False, sleep=pauses),
            Retries(attempts=4, longest=60, sleep=pauses),
        )
        return embedder

    return make


@pytest.mark.parametrize(
    ("kind", "width", "query", "document"),
    [
        ("ollama", 768, "search_query: ", "search_document: "),
        (
            "vllm",
            4096,
            INSTRUCT,
            "",
        ),
        ("openai", 1536, "", ""),
    ],
)
def test_a_known_model_works_from_settings_alone(  # noqa: PLR0917
    embedder_at: Maker, provider: FakeProvider, kind: Kind, width: int, query: str, document: str
) -> None:
    provider.kind = kind
    embedder = embedder_at(provider)
    vectors = embedder.embed_documents(JAVA)
    question = embedder.embed_query("What is Java?")
    assert embedder.dimensions == width
    assert {len(vector) for vector in [*vectors, question]} == {width}
    assert provider.sent_texts == [
        "Tidemark",
        *(document + text for text in JAVA),
        query + "What is Java?",
    ]
    assert {request["encoding_format"] for request in provider.requests} == {"float"}
    assert all("dimensions" not in request for request in provider.requests)


def test_the_tutorials_five_documents_rank_sensibly(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    provider.kind = "ollama"
    embedder = embedder_at(provider, embedding_query_prefix="", embedding_document_prefix="")
    documents = np.array(embedder.embed_documents(JAVA))
    scores = documents @ np.array(embedder.embed_query("Which language is used for Android apps?"))
    assert JAVA[int(scores.argmax())] == "Java's syntax is used in Android apps."


def test_the_function_is_pytidbs_own_kind_and_gives_what_the_embedder_gives(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    embedder = embedder_at(provider)
    function = embedder.function
    assert isinstance(function, EmbeddingFunction)
    assert not function.use_server
    assert function.dimensions == embedder.dimensions
    assert copy.deepcopy(function) is function
    assert function.get_source_embeddings(JAVA) == embedder.embed_documents(JAVA)
    assert function.get_source_embedding(JAVA[0]) == embedder.embed_documents(JAVA[:1])[0]
    assert function.get_query_embedding("tide") == embedder.embed_query("tide")
    assert {type(value) for value in embedder.embed_query("tide")} == {float}


def test_vectors_have_unit_length_whatever_the_provider_sends(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    provider.change = lambda vectors: [[7 * value for value in v] for v in vectors]
    assert np.linalg.norm(embedder_at(provider).embed_query("tide")) == pytest.approx(1)


def test_the_width_is_asked_for_where_the_model_offers_several(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    embedder = embedder_at(provider, embedding_dimensions=256)
    assert embedder.dimensions == 256
    assert provider.requests == []
    assert len(embedder.embed_query("tide")) == 256
    assert [request["dimensions"] for request in provider.requests] == [256]


def test_a_width_that_the_model_does_not_offer_is_told(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    provider.kind = "vllm"
    embedder = embedder_at(provider, embedding_dimensions=256)
    with pytest.raises(EmbeddingMismatch, match=r"256 wide.*does not support matryoshka"):
        embedder.embed_query("tide")


def test_a_width_that_is_ignored_is_told(embedder_at: Maker, provider: FakeProvider) -> None:
    provider.kind = "ollama"
    embedder = embedder_at(provider, embedding_dimensions=256)
    with pytest.raises(EmbeddingMismatch, match="768 wide instead of 256") as raised:
        embedder.embed_query("tide")
    assert raised.value.code == "embedding_mismatch"


def test_replies_out_of_order_are_put_in_order(embedder_at: Maker, provider: FakeProvider) -> None:
    in_order = embedder_at(provider).embed_documents(JAVA)
    provider.shuffled = True
    assert embedder_at(provider).embed_documents(JAVA) == in_order


@pytest.mark.filterwarnings(
    "ignore:Pydantic serializer warnings"  # of the OpenAI client, which asked for floats
)
def test_base64_that_nobody_asked_for_is_read(embedder_at: Maker, provider: FakeProvider) -> None:
    floats = embedder_at(provider).embed_documents(JAVA)
    provider.as_base64 = True
    assert np.allclose(embedder_at(provider).embed_documents(JAVA), floats, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda vectors: vectors[:-1], "replied with 4 vectors for 5 inputs"),
        (lambda vectors: [*vectors, vectors[0]], "replied with 6 vectors for 5 inputs"),
        (lambda vectors: [*vectors[:-1], [1.0, 2.0]], "vectors 2 and 1536 wide"),
        (lambda vectors: [v[:-1] for v in vectors], "1535 wide instead of 1536"),
        (lambda vectors: [*vectors[:2], [0.0] * 1536, *vectors[3:]], "all zeros, for input 3 of 5"),
        (lambda vectors: [[float("nan")] * 1536, *vectors[1:]], "not finite, for input 1 of 5"),
        (lambda vectors: [*vectors[:-1], [float("inf")] * 1536], "not finite, for input 5 of 5"),
        (lambda vectors: [*vectors[:-1], ["a"] * 1536], "no vector of numbers for input 5"),
        (lambda vectors: [*vectors[:-1], None], "no vector of numbers for input 5"),
    ],
)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_a_reply_that_does_not_fit_the_request_is_refused(
    embedder_at: Maker, provider: FakeProvider, change: Change, words: str
) -> None:
    embedder = embedder_at(provider)
    assert embedder.dimensions == 1536
    provider.change = change
    with pytest.raises(EmbeddingMismatch, match=words) as raised:
        embedder.embed_documents(JAVA)
    assert provider.address.removeprefix("http://") in raised.value.message
    assert len(provider.requests) == 2, "what is wrong once is wrong again: not to be retried"


@pytest.mark.parametrize("body", [{"oops": 1}, {"data": None}, {"data": []}, [1], "<html>"])
def test_a_reply_that_is_no_list_of_embeddings_is_refused(
    embedder_at: Maker, provider: FakeProvider, body: Any
) -> None:
    provider.replies = [Reply(body=body)] * 9
    with pytest.raises(ProviderError):
        embedder_at(provider).embed_documents(JAVA)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "the key is wrong", "code": "invalid_api_key"}},
        {"error": "the key is wrong"},
        {"message": "the key is wrong"},
        {"detail": "the key is wrong"},
        {"error": 401, "message": "the key is wrong"},
        {"message": "the key is wrong", "code": 401, "type": "unauthorized"},
        "the key is wrong",
    ],
)
def test_a_refusal_is_told_in_the_providers_words(
    embedder_at: Maker, provider: FakeProvider, body: Any, pauses: Pauses
) -> None:
    provider.replies = [Reply(401, body)]
    with pytest.raises(ProviderError) as raised:
        embedder_at(provider).embed_query("tide")
    host = provider.address.removeprefix("http://")
    assert raised.value.message == (
        f"{host} refused to embed with text-embedding-3-small: the key is wrong (HTTP 401)."
    )
    assert raised.value.remedy == "Check TIDEMARK_EMBEDDING_API_KEY."
    assert not raised.value.retryable
    assert pauses == []


def test_the_key_is_sent_and_never_shown(embedder_at: Maker, provider: FakeProvider) -> None:
    provider.key = "another"
    embedder = embedder_at(provider, embedding_api_key=SecretStr(SECRET))
    with pytest.raises(ProviderError) as raised:
        embedder.embed_query("tide")
    assert "Incorrect API key provided: …" in raised.value.message
    provider.key = SECRET
    embedder.embed_query("tide")
    function = embedder.function
    shown = [repr(embedder), repr(function), str(function), str(function.model_dump())]
    assert SECRET not in "".join([*shown, raised.value.message])


def test_an_unknown_model_says_how_to_get_it(embedder_at: Maker, provider: FakeProvider) -> None:
    with pytest.raises(ProviderError, match="not found, try pulling it first") as raised:
        embedder_at(provider, embedding_model="openai/nomic").embed_query("tide")
    assert "TIDEMARK_EMBEDDING_MODEL" in raised.value.remedy


def test_a_rate_limit_is_waited_for_as_long_as_it_says(
    embedder_at: Maker, provider: FakeProvider, pauses: Pauses
) -> None:
    embedder = embedder_at(provider)
    assert embedder.dimensions
    provider.replies = [
        Reply(429, {"error": {"message": "slow"}}, {"Retry-After": "7"}),
        Reply(429, {"error": {"message": "slow"}}, {"retry-after-ms": "1500"}),
        Reply(503, {"error": {"message": "slow"}}, {"Retry-After": formatdate(time.time() + 20)}),
    ]
    assert len(embedder.embed_documents(JAVA)) == 5
    assert pauses[:2] == [7, 1.5]
    assert 15 < pauses[2] <= 20


def test_a_pause_that_is_too_long_is_told_instead_of_waited_for(
    embedder_at: Maker, provider: FakeProvider, pauses: Pauses
) -> None:
    embedder = embedder_at(provider)
    assert embedder.dimensions
    provider.replies = [Reply(429, {"error": {"message": "slow"}}, {"Retry-After": "3600"})] * 2
    with pytest.raises(ProviderUnavailable, match="asks to wait 3600 s"):
        embedder.embed_documents(JAVA)
    provider.replies = [Reply(429, {"error": {"message": "slow"}}, {"Retry-After": "10"})] * 2
    with pytest.raises(ProviderUnavailable, match="asks to wait 10 s") as raised:
        embedder.embed_query("a person waits for this one")
    assert raised.value.retryable
    assert pauses == []


def test_an_empty_account_is_not_waited_for(
    embedder_at: Maker, provider: FakeProvider, pauses: Pauses
) -> None:
    body = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    provider.replies = [Reply(429, body)]
    with pytest.raises(ProviderError, match="You exceeded your quota") as raised:
        embedder_at(provider).embed_query("tide")
    assert not raised.value.retryable
    assert pauses == []


@pytest.mark.parametrize("status", [408, 409, 424, 500, 502, 503, 529])
def test_a_failure_that_passes_is_tried_again_with_growing_pauses(
    embedder_at: Maker, provider: FakeProvider, pauses: Pauses, status: int
) -> None:
    embedder = embedder_at(provider)
    assert embedder.dimensions
    provider.replies = [Reply(status, {"error": {"message": "boom"}})] * 3
    assert len(embedder.embed_documents(JAVA)) == 5
    assert 0.3 < pauses[0] < pauses[1] < pauses[2] < 3
    assert len(provider.requests) == 1 + 4, "litellm's own retries must be off"


def test_a_failure_that_stays_is_told(embedder_at: Maker, provider: FakeProvider) -> None:
    embedder = embedder_at(provider)
    assert embedder.dimensions
    provider.replies = [Reply(500, {"error": {"message": "boom"}})] * 9
    with pytest.raises(ProviderUnavailable, match=r"cannot embed .* now: boom \(HTTP 500\)"):
        embedder.embed_documents(JAVA)
    assert len(provider.requests) == 1 + 4


def test_a_provider_that_hangs_is_given_up_after_the_timeout(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    embedder = embedder_at(provider, embedding_timeout=0.3, embedding_dimensions=1536)
    provider.replies = [Reply(delay=PATIENCE)] * 3
    with pytest.raises(ProviderUnavailable, match=r"no answer within 0\.3 s"):
        embedder.embed_query("tide")
    wait_until(lambda: provider.requests, "the provider was not asked")
    assert len(provider.requests) == 1, "the time is up: a person has waited for it once"


def test_a_provider_that_is_down_is_told(embedder_at: Maker) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port meanwhile
        port = taken.getsockname()[1]
        embedder = embedder_at(FakeProvider(address=f"http://127.0.0.1:{port}"))
        with pytest.raises(ProviderUnavailable, match=f"127.0.0.1:{port} .* no connection"):
            embedder.embed_documents(JAVA)


def test_texts_are_sent_in_requests_within_the_limits(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    embedder = embedder_at(provider)
    limited = Provider("the provider", Limits(inputs=3, tokens=1000))
    embedder.endpoint = replace(embedder.endpoint, provider=limited)
    texts = [f"text {number}" for number in range(7)] + ["tide " * 600, "seal " * 600]
    assert len(embedder.embed_documents(texts)) == 9
    sizes = [len(request["input"]) for request in provider.requests[1:]]
    assert sizes == [3, 3, 2, 1]
    assert provider.sent_texts[1:] == texts


def test_nothing_is_sent_for_nothing(embedder_at: Maker, provider: FakeProvider) -> None:
    embedder = embedder_at(provider)
    assert embedder.embed_documents([]) == []
    assert provider.requests == []


def test_the_input_to_blame_for_a_refused_batch_is_found_and_named(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    provider.poison = "POISON"
    texts = [f"text {number}" for number in range(8)]
    texts[5] = "This is the POISON of the eight."
    with pytest.raises(ProviderError, match=r"begins 'This is the POISON of the eight\.'"):
        embedder_at(provider).embed_documents(texts)
    assert len(provider.requests) == 1 + 6, "halving, not one by one"


def test_no_input_is_blamed_when_nothing_passes(embedder_at: Maker, provider: FakeProvider) -> None:
    embedder = embedder_at(provider, embedding_dimensions=1536)
    provider.replies = [Reply(400, {"error": {"message": "not today"}})] * 9
    with pytest.raises(ProviderError, match=r"refused to embed with .*: not today") as raised:
        embedder.embed_documents(JAVA)
    assert "begins" not in raised.value.message
    assert len(provider.requests) == 2


def test_an_empty_text_that_openai_refuses_is_named(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    with pytest.raises(ProviderError, match=r"begins ''.* input cannot be an empty string"):
        embedder_at(provider).embed_documents(["tide", ""])


def test_a_text_longer_than_the_model_reads_is_cut_to_what_it_reads(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    embedder = embedder_at(provider)
    embedder.embed_query("tide " * 20_000)
    assert embedder.tokens.count(provider.sent_texts[-1]) == embedder.max_tokens == 8191


def test_a_lone_surrogate_does_not_break_the_request(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    embedder_at(provider).embed_query("half an emoji: \ud83d")
    assert provider.sent_texts[-1] == "half an emoji: \ufffd"


def test_prefixes_in_the_settings_outdo_the_models_own(
    embedder_at: Maker, provider: FakeProvider
) -> None:
    provider.kind = "ollama"
    embedder = embedder_at(provider, embedding_query_prefix="q: ", embedding_document_prefix="")
    embedder.embed_query("tide")
    embedder.embed_documents(["tide"])
    assert provider.sent_texts[1:] == ["q: tide", "tide"]


def test_openai_itself_needs_a_key(tmp_path: Path) -> None:
    settings = Settings(embedding_model="openai/text-embedding-3-small", cache_dir=tmp_path)
    with pytest.raises(InvalidSetting, match="needs a key"):
        make_embedder(settings, lambda _: None)


def test_every_fault_is_one_of_our_errors(embedder_at: Maker, provider: FakeProvider) -> None:
    for reply in (Reply(302, ""), Reply(418, "teapot"), Reply(200, "not json"), Reply(200, "null")):
        provider.replies = [reply] * 9
        with pytest.raises(TidemarkError):
            embedder_at(provider).embed_query("tide")
