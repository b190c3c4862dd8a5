"""`POST /v1/embeddings` over real HTTP: one text, one vector, however it is asked for."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
import tiktoken

from app.embedding.cl100k import Cl100kTokens
from app.embedding.embedder import Embedder
from tests.integration.v1 import MODEL, embedded, nearest, vectors_in

TEXTS = [
    "The tide turns at noon.",
    "Seals sleep on the sandbank, where the harbour's pilots see them from afar.",
    "潮汐",
    "a",
    "  ",
]


@pytest.fixture(scope="module")
def watched(local_embedder: Embedder) -> Embedder:
    """The local model itself, which is given ids; other embedders are given texts elsewhere."""
    return local_embedder


@pytest.fixture(scope="module")
def cl100k() -> tiktoken.Encoding:
    Cl100kTokens().count("")  # finds the vocabulary that litellm carries
    return tiktoken.get_encoding("cl100k_base")


def test_a_text_has_one_vector_by_string_batch_tokens_float_or_base64(
    http: httpx.Client, cl100k: tiktoken.Encoding
) -> None:
    expected = embedded(http, TEXTS)
    assert nearest(expected, embedded(http, TEXTS, encoding_format="base64")) >= 0.9999
    assert nearest(expected, np.concatenate([embedded(http, text) for text in TEXTS])) >= 0.9999
    ids = [cl100k.encode(text) for text in TEXTS]
    assert nearest(expected, embedded(http, ids, encoding_format="base64")) >= 0.9999
    assert nearest(expected[:1], embedded(http, ids[0])) >= 0.9999
    assert nearest(expected[::-1], embedded(http, TEXTS[::-1])) >= 0.9999


def test_the_vectors_are_those_that_the_index_has(
    http: httpx.Client, local_embedder: Embedder
) -> None:
    expected = np.array(local_embedder.embed_documents(TEXTS), np.float32)
    assert nearest(expected, embedded(http, TEXTS)) >= 0.9999


def test_usage_counts_the_models_own_tokens_without_the_special_ones(
    http: httpx.Client, local_embedder: Embedder
) -> None:
    reply = http.post("/v1/embeddings", json={"model": MODEL, "input": TEXTS}).json()
    tokens = sum(local_embedder.tokens.count(text) for text in TEXTS)
    assert reply["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert (reply["object"], reply["model"]) == ("list", MODEL)


def test_every_reply_has_an_id_of_its_own_and_its_time(http: httpx.Client) -> None:
    replies = [
        http.post("/v1/embeddings", json={"model": MODEL, "input": "tide"}),
        http.post("/v1/embeddings", json={"model": "none", "input": "tide"}),
        http.get("/v1/nowhere"),
        http.get("/v1/models"),
    ]
    assert len({reply.headers["x-request-id"] for reply in replies}) == len(replies)
    assert all(int(reply.headers["openai-processing-ms"]) >= 0 for reply in replies)
    assert all(reply.headers["content-type"] == "application/json" for reply in replies)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/embeddings/",
        "//embeddings",
        "/embeddings",
        "/embeddings/",
        "/v1//embeddings",
        "//v1/embeddings",
    ],
)
def test_addresses_are_taken_as_clients_write_them_without_a_redirect(
    address: str, http: httpx.Client, path: str
) -> None:
    reply = http.post(address + path, json={"model": MODEL, "input": "tide"})
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer sk-anything"},
        {"authorization": "Bearer"},
        {"x-api-key": "anything"},
        {"content-type": "application/x-www-form-urlencoded"},
    ],
    ids=str,
)
def test_any_key_or_none_is_taken_while_none_was_made(
    http: httpx.Client, headers: dict[str, str]
) -> None:
    body = b'{"model": "all-MiniLM-L6-v2", "input": "tide"}'
    assert http.post("/v1/embeddings", content=body, headers=headers).status_code == 200


def test_null_unknown_and_native_width_change_nothing(http: httpx.Client) -> None:
    expected = embedded(http, "tide")
    nulls = dict.fromkeys(("encoding_format", "dimensions", "user", "input_type"))
    assert nearest(expected, embedded(http, "tide", **nulls, truncate="NONE", mood=[1])) >= 0.9999
    for kind in ("query", "search_document", "passage", "weather"):
        given = embedded(http, "tide", dimensions=384, input_type=kind)
        assert nearest(expected, given) >= 0.9999


def test_the_model_answers_to_its_full_name_too(http: httpx.Client) -> None:
    reply = http.post("/v1/embeddings", json={"model": f"local/{MODEL}", "input": "tide"})
    assert reply.status_code == 200


def test_a_text_over_the_window_is_the_average_of_its_parts_by_tokens(
    http: httpx.Client, local_embedder: Embedder
) -> None:
    # Each word is one token, so that the parts are the same by texts as by ids.
    text = " ".join(f"tide seal {number % 7}" for number in range(300))
    tokens = local_embedder.tokens
    room = local_embedder.max_tokens
    offsets = tokens.offsets(text)
    parts = [offsets[at : at + room] for at in range(0, len(offsets), room)]
    vectors = np.array(
        local_embedder.embed_documents([text[part[0][0] : part[-1][1]] for part in parts])
    )
    mean = (vectors * np.array([[len(part)] for part in parts])).sum(axis=0)
    expected = (mean / np.linalg.norm(mean))[None].astype(np.float32)
    long = embedded(http, ["short", text, "brief"])
    assert nearest(expected, long[1:2]) >= 0.9999
    assert nearest(embedded(http, "brief"), long[2:]) >= 0.9999
    assert nearest(long[1:2], embedded(http, text, encoding_format="base64")) >= 0.9999


def test_what_ends_a_long_text_still_counts(http: httpx.Client) -> None:
    text = "The harbour is calm today. " * 200
    plain, turned = embedded(http, [text, text + "Volcanoes erupt with lava. " * 150])
    assert float(plain @ turned) < 0.99


def test_a_text_of_the_most_tokens_is_taken_and_one_more_is_not(http: httpx.Client) -> None:
    assert embedded(http, "tide " * 8192).shape == (1, 384)
    reply = http.post("/v1/embeddings", json={"model": MODEL, "input": "tide " * 8193})
    assert reply.json()["error"]["code"] == "context_length_exceeded"


def test_the_most_inputs_come_back_in_their_order(http: httpx.Client) -> None:
    texts = [f"{number}" for number in range(2048)]
    vectors = embedded(http, texts, encoding_format="base64")
    assert vectors.shape == (2048, 384)
    for place in (0, 1000, 2047):
        assert nearest(embedded(http, texts[place]), vectors[place : place + 1]) >= 0.9999


def test_tokens_that_part_a_character_are_read_as_far_as_they_go(
    http: httpx.Client, cl100k: tiktoken.Encoding
) -> None:
    ids = cl100k.encode("潮 🌊")
    assert len(ids) > 3
    reply = http.post("/v1/embeddings", json={"model": MODEL, "input": ids[:-1]})
    assert vectors_in(reply.json()).shape == (1, 384)
