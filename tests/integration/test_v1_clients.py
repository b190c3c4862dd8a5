"""Real clients against `/v1`, as their users set them up: a base URL and any key."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest

from app.services import Services
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.integration.v1 import MODEL, Vectors, nearest, vector_in

TEXTS = ["The tide turns at noon.", "Seals sleep on the sandbank."]
LONG = "The tide turns at noon, and the harbour is calm. " * 200

# What other people's clients warn of in their own code is not ours to mend.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning"
)


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Not through a proxy that the environment may name, and with no account of the user's."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    yield
    # What a client left open is to be complained of here, where nobody listens, and not in some
    # later test: sockets, and LlamaIndex's event loop.
    asyncio.set_event_loop(None)
    gc.collect()


@pytest.fixture
def base_url(address: str) -> str:
    return f"{address}/v1"


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def expected(services: Services) -> Vectors:
    return np.array(services.embedder.embed_documents(TEXTS), np.float32)


@pytest.fixture
def chat_model(uploader: Uploader, worker: MortalWorker, knowledge_base: SearchableBase) -> str:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    return f"tidemark/{knowledge_base.base.name}"


def test_openai_python_embeds_by_base64_and_by_float(
    client: openai.OpenAI, expected: Vectors
) -> None:
    forms: list[Any] = [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}]
    for form in forms:
        reply = client.embeddings.create(model=MODEL, input=TEXTS, **form)
        vectors = np.array([vector_in(each.embedding) for each in reply.data])
        assert nearest(expected, vectors) >= 0.9999
        assert reply.usage.total_tokens > 0


def test_openai_python_lists_models_and_reads_errors(client: openai.OpenAI) -> None:
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError) as missing:
        client.embeddings.create(model="none", input="tide")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert missing.value.request_id
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model=MODEL, input="")
    assert refused.value.param == "input"


def test_openai_python_chats_whole_and_streamed(client: openai.OpenAI, chat_model: str) -> None:
    asked: Any = [{"role": "user", "content": "When does the tide turn?"}]
    whole = client.chat.completions.create(model=chat_model, messages=asked)
    message = whole.choices[0].message
    assert message.content
    assert message.content.startswith("The tide turns at noon. [1]")
    assert message.annotations
    assert message.annotations[0].url_citation.title == "guide.md"
    stream = client.chat.completions.create(
        model=chat_model, messages=asked, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(said) == message.content
    assert chunks[-1].usage


def test_openai_python_asks_for_responses_whole_and_streamed(
    client: openai.OpenAI, chat_model: str
) -> None:
    question = "When does the tide turn?"
    whole = client.responses.create(model=chat_model, input=question)
    assert whole.status == "completed"
    assert whole.output_text.startswith("The tide turns at noon. [1]")
    conversation: Any = [
        {"role": "assistant", "content": [{"type": "output_text", "text": "Ask."}]},
        {"role": "user", "content": [{"type": "input_text", "text": question}]},
    ]
    again = client.responses.create(model=chat_model, input=conversation, instructions="Be brief.")
    assert again.output_text == whole.output_text
    events = list(client.responses.create(model=chat_model, input=question, stream=True))
    said = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(said) == whole.output_text
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == whole.output_text
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=chat_model, input=[])
    assert refused.value.param == "input"


def test_litellm_embeds_and_chats(base_url: str, expected: Vectors, chat_model: str) -> None:
    import litellm
    import pytidb  # noqa: F401 - tells litellm not to fetch its table of prices

    place = {"api_base": base_url, "api_key": "any"}
    for form in (None, "float", "base64"):
        more = {"encoding_format": form} if form else {}
        reply = litellm.embedding(model=f"openai/{MODEL}", input=TEXTS, **more, **place)
        vectors = np.array([vector_in(each["embedding"]) for each in reply.data])
        assert nearest(expected, vectors) >= 0.9999
    said = litellm.completion(
        model=f"openai/{chat_model}",
        messages=[{"role": "user", "content": "When does the tide turn?"}],
        **place,
    )
    assert said.choices[0].message.content.startswith("The tide turns at noon. [1]")


def test_langchain_embeds_by_token_arrays_and_by_texts(base_url: str, expected: Vectors) -> None:
    from langchain_openai import OpenAIEmbeddings

    from app.embedding.cl100k import Cl100kTokens

    Cl100kTokens().count("")  # tiktoken finds the vocabulary here and downloads none
    for by_tokens in (True, False):
        embeddings = OpenAIEmbeddings(
            model=MODEL,
            base_url=base_url,
            api_key="any",
            check_embedding_ctx_length=by_tokens,
            tiktoken_model_name="text-embedding-3-small",
        )
        vectors = np.array(embeddings.embed_documents([*TEXTS, LONG]), np.float32)
        assert nearest(expected, vectors[:2]) >= 0.9999
        assert nearest(expected[:1], np.array([embeddings.embed_query(TEXTS[0])])) >= 0.9999


def test_langchain_chats_in_a_stream(base_url: str, chat_model: str) -> None:
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(model=chat_model, base_url=base_url, api_key="any")
    said = "".join(str(chunk.content) for chunk in chat.stream("When does the tide turn?"))
    assert said.startswith("The tide turns at noon. [1]")


def test_llama_index_embeds(base_url: str, expected: Vectors) -> None:
    from llama_index.embeddings.openai import OpenAIEmbedding

    embedding = OpenAIEmbedding(model_name=MODEL, api_base=base_url, api_key="any")
    vectors = np.array(embedding.get_text_embedding_batch(TEXTS), np.float32)
    assert nearest(expected, vectors) >= 0.9999


def test_curl_embeds_as_the_published_example_does(base_url: str) -> None:
    text = "The food was delicious and the waiter..."
    sent = json.dumps({"input": text, "model": MODEL, "encoding_format": "float"})
    command = ["curl", "--silent", "--noproxy", "*", f"{base_url}/embeddings"]
    headers = ["-H", "Authorization: Bearer $KEY", "-H", "Content-Type: application/json"]
    done = subprocess.run([*command, *headers, "-d", sent], capture_output=True, check=True)
    assert done.stdout.startswith(b'{"object":"list","data":[{"object":"embedding","index":0')
