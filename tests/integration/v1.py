"""What the tests of the OpenAI-compatible API share: requests, vectors, clients."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

MODEL = "all-MiniLM-L6-v2"

Vectors = NDArray[np.float32]


def embedded(http: httpx.Client, given: Any, **more: Any) -> Vectors:
    """The vectors of `given`, which must be granted."""
    reply = http.post("/v1/embeddings", json={"model": MODEL, "input": given, **more})
    assert reply.status_code == 200, reply.text
    return vectors_in(reply.json())


def vectors_in(reply: Any) -> Vectors:
    """The vectors of a reply, by either encoding."""
    data = reply["data"]
    assert [item["index"] for item in data] == list(range(len(data)))
    return np.array([vector_in(item["embedding"]) for item in data])


def vector_in(embedding: str | list[float]) -> Vectors:
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding), "<f4")
    return np.array(embedding, np.float32)


def nearest(one: Vectors, other: Vectors) -> float:
    """The lowest cosine between rows of the same place; both are of unit length."""
    for vectors in (one, other):
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert one.shape == other.shape
    return float((one * other).sum(axis=1).min())
