"""A knowledge base as a chat model, over real HTTP: whole and streamed, extracts and written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.errors import ProviderUnavailable
from app.services import Services
from tests.fake_chat import FakeGenerator
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.server import application, client, served

CHAT = "/v1/chat/completions"
ASKED = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Do seals sleep?"},
    {"role": "assistant", "content": None},
    {"role": "user", "content": [{"type": "text", "text": "When does the tide turn?"}]},
]

FOLLOW_UP = [
    {"role": "user", "content": "When does the tide turn?"},
    {"role": "user", "content": "Is it so?"},
]


@pytest.fixture
def model(uploader: Uploader, worker: MortalWorker, knowledge_base: SearchableBase) -> str:
    uploader.upload("guide.md", "# Tides\n\nThe tide turns at noon.\n")
    worker.drain()
    return f"tidemark/{knowledge_base.base.name}"


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator("The tide turns at noon. [1] It is so. [1] Nobody knows why.")


@pytest.fixture
def written(
    settings: Settings, services: Services, generator: FakeGenerator
) -> Iterator[httpx.Client]:
    """A server that has a chat model."""
    app = application(settings, replace(services, generator=generator))
    with served(app) as address, client(address) as http:
        yield http


def chunks(reply: httpx.Response) -> list[Any]:
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in reply.text.split("\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    said = [line.removeprefix("data: ") for line in lines]
    return [json.loads(line) if line != "[DONE]" else line for line in said]


def ask(http: httpx.Client, model: str, **more: Any) -> httpx.Response:
    return http.post(CHAT, json={"model": model, "messages": ASKED, **more})


def test_without_a_chat_model_the_reply_quotes_and_cites(http: httpx.Client, model: str) -> None:
    reply = ask(http, model, temperature=0.2, user=None, stream=None).json()
    assert (reply["object"], reply["model"]) == ("chat.completion", model)
    (choice,) = reply["choices"]
    content, annotations = choice["message"]["content"], choice["message"]["annotations"]
    assert content.startswith("The tide turns at noon. [1]\n\nSources:\n[1] guide.md, Tides http")
    assert choice["finish_reason"] == "stop"
    cited = annotations[0]["url_citation"]
    assert annotations[0]["type"] == "url_citation"
    assert content[cited["start_index"] : cited["end_index"]] == "[1]"
    assert cited["url"] in content
    page = http.get(cited["url"])
    assert page.status_code == 200
    assert "The tide turns at noon." in page.text
    usage = reply["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


def test_what_the_documents_do_not_say_is_not_answered(http: httpx.Client, model: str) -> None:
    asked = [{"role": "user", "content": "What does gold cost on Mars?"}]
    reply = http.post(CHAT, json={"model": model, "messages": asked}).json()
    message = reply["choices"][0]["message"]
    assert message["content"].startswith("Nothing in the documents answers this.")
    assert message["annotations"] == []


@pytest.mark.parametrize("endpoint", [CHAT, "/v1/responses"])
def test_a_follow_up_is_looked_for_with_what_it_owes_to_the_questions_before(
    http: httpx.Client, model: str, endpoint: str
) -> None:
    field = "messages" if endpoint == CHAT else "input"
    alone, followed = (
        http.post(endpoint, json={"model": model, field: said}).text
        for said in (FOLLOW_UP[1:], FOLLOW_UP)
    )
    assert "The tide turns at noon." not in alone
    assert "The tide turns at noon." in followed


def test_the_chat_model_rewrites_a_follow_up(
    written: httpx.Client, model: str, generator: FakeGenerator
) -> None:
    reply = written.post(CHAT, json={"model": model, "messages": FOLLOW_UP})
    assert reply.status_code == 200
    rewriting, answering = generator.told
    assert "1. When does the tide turn?\n2. Is it so?" in rewriting[-1].content
    assert "The tide turns at noon. [1] It is so." in answering[-1].content  # as it was rewritten


def test_a_stream_says_the_same_in_chunks(http: httpx.Client, model: str) -> None:
    whole = ask(http, model).json()["choices"][0]["message"]
    *said, end, done = chunks(ask(http, model, stream=True))
    assert done == "[DONE]"
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in said)
    assert all(chunk["usage"] is None for chunk in [*said, end])
    assert len({chunk["id"] for chunk in [*said, end]}) == 1
    assert said[0]["choices"][0]["delta"]["role"] == "assistant"
    deltas = [chunk["choices"][0]["delta"] for chunk in said]
    assert "".join(delta["content"] for delta in deltas) == whole["content"]
    annotations = [each for delta in deltas for each in delta.get("annotations", [])]
    assert annotations == whole["annotations"]
    assert end["choices"][0] == {
        "index": 0,
        "delta": {},
        "logprobs": None,
        "finish_reason": "stop",
    }


def test_the_usage_comes_last_where_it_is_asked_for(http: httpx.Client, model: str) -> None:
    *said, last, done = chunks(
        ask(http, model, stream=True, stream_options={"include_usage": True})
    )
    assert done == "[DONE]"
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0
    assert said[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_chat_model_writes_and_what_rests_on_nothing_is_told(
    written: httpx.Client, model: str, generator: FakeGenerator
) -> None:
    reply = ask(written, model).json()
    content = reply["choices"][0]["message"]["content"]
    assert content.startswith("The tide turns at noon. [1] It is so. [1] Nobody knows why.")
    assert "Of 3 sentences, 2 rest on no source." in content
    marks = [each["url_citation"] for each in reply["choices"][0]["message"]["annotations"]]
    assert [content[mark["start_index"] : mark["end_index"]] for mark in marks] == ["[1]", "[1]"]
    assert reply["usage"]["prompt_tokens"] == 100
    assert "When does the tide turn?" in generator.told[0][-1].content


def test_what_fails_before_a_word_was_said_fails_as_any_request(
    written: httpx.Client, model: str, generator: FakeGenerator
) -> None:
    generator.error, generator.error_at = ProviderUnavailable("It is down."), 0
    for stream in (False, True):
        reply = ask(written, model, stream=stream)
        assert reply.status_code == 503
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
        assert reply.json()["error"]["message"].startswith("It is down.")


def test_what_fails_in_mid_stream_is_the_last_thing_said(
    written: httpx.Client, model: str, generator: FakeGenerator
) -> None:
    generator.reply += " It turns at noon. [1]" * 9
    generator.error, generator.error_at = ProviderUnavailable("It broke off."), 200
    *said, last = chunks(ask(written, model, stream=True))
    assert said[0]["choices"][0]["delta"]["role"] == "assistant"
    assert said[1]["choices"][0]["delta"]["content"] == "The tide turns at noon. [1]"
    assert set(last) == {"error"}
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert generator.closed


def test_who_hangs_up_stops_the_chat_model(
    written: httpx.Client, model: str, generator: FakeGenerator
) -> None:
    generator.reply = "The tide turns at noon. [1] " * 2000
    body = {"model": model, "messages": ASKED, "stream": True}
    with written.stream("POST", CHAT, json=body) as reply:
        next(reply.iter_lines())
    for _ in range(500):
        if generator.closed:
            break
        written.get("/health/live")
    assert generator.closed


def test_the_models_are_the_embedding_model_and_each_knowledge_base(
    http: httpx.Client, model: str
) -> None:
    listed = http.get("/v1/models").json()
    assert listed["object"] == "list"
    assert listed["data"][0]["id"] == "all-MiniLM-L6-v2"
    one = next(each for each in listed["data"] if each["id"] == model)
    assert one["object"] == "model"
    assert one["created"] > 0
    for path in (
        f"/v1/models/{model}",
        f"/models/{model}/",
        f"/v1/models/{model}".replace("k/", "k%2F"),
    ):
        assert http.get(path).json() == one
    assert http.get("/v1/models/local/all-MiniLM-L6-v2").json() == listed["data"][0]
    for name in ("none", "tidemark/none"):
        missing = http.get(f"/v1/models/{name}")
        assert missing.status_code == 404
        assert missing.json()["error"]["code"] == "model_not_found"
