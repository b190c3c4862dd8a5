"""`POST /v1/rerank` over real HTTP, as Cohere's and Jina's clients ask for it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.embedding.embedder import Embedder
from tests.fakes import WatchedEmbedder
from tests.integration.v1 import MODEL

DOCUMENTS = [
    "The ferry leaves from the old pier.",
    "High water is at noon, and the tide turns then.",
    "A recipe for bread with rye flour.",
]
QUERY = "When does the tide turn?"


def rerank(http: httpx.Client, **body: Any) -> Any:
    asked = {"model": MODEL, "query": QUERY, "documents": DOCUMENTS} | body
    reply = http.post("/v1/rerank", json=asked)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_the_document_that_answers_comes_first_and_scores_are_cosines(
    http: httpx.Client, local_embedder: Embedder
) -> None:
    reply = rerank(http)
    results = reply["results"]
    assert results[0]["index"] == 1
    assert sorted(result["index"] for result in results) == [0, 1, 2]
    scores = [result["relevance_score"] for result in results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    query, document = local_embedder.embed_documents([QUERY, DOCUMENTS[1]])
    expected = sum(a * b for a, b in zip(query, document, strict=True))
    assert scores[0] == pytest.approx(expected, abs=1e-4)
    tokens = sum(local_embedder.tokens.count(text) for text in [QUERY, *DOCUMENTS])
    assert reply["usage"]["total_tokens"] == tokens
    assert "document" not in results[0]


def test_top_n_and_return_documents_are_honoured_and_objects_are_read(http: httpx.Client) -> None:
    objects = [{"text": text, "id": place} for place, text in enumerate(DOCUMENTS)]
    reply = rerank(http, documents=objects, top_n=1, return_documents=True)
    (result,) = reply["results"]
    assert (result["index"], result["document"]) == (1, {"text": DOCUMENTS[1]})


def test_a_long_document_counts_by_its_best_part(http: httpx.Client) -> None:
    answer = f"{DOCUMENTS[1]} " * 30
    long = f"{DOCUMENTS[2]} " * 200 + answer
    one, another, other = rerank(http, documents=[long, answer, DOCUMENTS[2]])["results"]
    assert {one["index"], another["index"]} == {0, 1}
    assert min(one["relevance_score"], another["relevance_score"]) > other["relevance_score"] + 0.2


def test_the_address_without_the_version_is_taken(http: httpx.Client) -> None:
    asked = {"model": MODEL, "query": QUERY, "documents": DOCUMENTS}
    assert http.post("/rerank", json=asked).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"model": "none"}, 404, "model"),
        ({"model": None}, 400, "model"),
        ({"query": None}, 400, "query"),
        ({"query": " "}, 400, "query"),
        ({"query": ["a"]}, 400, "query"),
        ({"query": "tide " * 8193}, 400, "query"),
        ({"documents": None}, 400, "documents"),
        ({"documents": "a"}, 400, "documents"),
        ({"documents": []}, 400, "documents"),
        ({"documents": ["a", ""]}, 400, "documents"),
        ({"documents": [{"body": "a"}]}, 400, "documents"),
        ({"documents": ["a"] * 2049}, 400, "documents"),
        ({"documents": ["tide " * 8193]}, 400, "documents"),
        ({"top_n": 0}, 400, "top_n"),
        ({"top_n": True}, 400, "top_n"),
        ({"return_documents": "yes"}, 400, "return_documents"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_request_is_told_and_embeds_nothing(
    http: httpx.Client,
    embedder: WatchedEmbedder,
    change: dict[str, Any],
    status: int,
    param: str,
) -> None:
    asked = {"model": MODEL, "query": QUERY, "documents": DOCUMENTS} | change
    reply = http.post("/v1/rerank", json=asked)
    assert reply.status_code == status, reply.text
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert reply.json()["error"]["param"] == param
    assert embedder.embedded == []
