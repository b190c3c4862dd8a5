"""Real clients for Node against `/v1`, as their users set them up: a base URL and any key."""

from __future__ import annotations

import numpy as np
import pytest

from app.services import Services
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.integration.v1 import MODEL, Vectors, nearest
from tests.node.running import run

TEXTS = ["The tide turns at noon.", "Seals sleep on the sandbank."]
ANSWER = "The tide turns at noon. [1]"


@pytest.fixture
def expected(services: Services) -> Vectors:
    return np.array(services.embedder.embed_documents(TEXTS), np.float32)


@pytest.fixture
def chat_model(uploader: Uploader, worker: MortalWorker, knowledge_base: SearchableBase) -> str:
    uploader.upload("guide.md", TEXTS[0])
    worker.drain()
    return f"tidemark/{knowledge_base.base.name}"


def test_openai_node_embeds_chats_and_reads_errors(
    address: str, expected: Vectors, chat_model: str
) -> None:
    told = run("openai.mjs", f"{address}/v1", MODEL, chat_model)
    # Floats instead of base64 would be decoded to zeros of a quarter of the length.
    assert nearest(expected, np.array(told["decoded"], np.float32)) >= 0.9999
    assert nearest(expected, np.array(told["float"], np.float32)) >= 0.9999
    assert MODEL in told["models"]
    assert chat_model in told["models"]
    assert told["whole"].startswith(ANSWER)
    assert told["annotation"] == "guide.md"
    assert told["streamed"] == told["whole"] == told["response"]
    assert told["usage"]["total_tokens"] > 0
    assert told["error"]["kind"] == "NotFoundError"
    assert told["error"]["code"] == "model_not_found"
    assert told["error"]["id"].startswith("req_")


def test_the_vercel_ai_sdk_embeds_in_parallel_and_writes_answers(
    address: str, expected: Vectors, chat_model: str
) -> None:
    told = run("ai_sdk.mjs", f"{address}/v1", MODEL, chat_model)
    assert nearest(expected[:1], np.array([told["one"]], np.float32)) >= 0.9999
    assert nearest(expected, np.array(told["many"], np.float32)) >= 0.9999
    assert told["tokens"] > 0
    assert told["lots"] == 2100
    assert told["sameAtTheEnd"] >= 0.9999
    assert told["completion"].startswith(ANSWER)
    assert told["response"] == told["streamed"] == told["completion"]
    assert "guide.md" in told["sources"]
    assert told["usage"]["totalTokens"] > 0
    assert "does not exist" in told["error"]
