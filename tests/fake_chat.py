"""A chat model for tests, with the faults of real endpoints over real HTTP, and its company."""

from __future__ import annotations

import json
import math
import re
import threading
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from pytidb.embeddings.base import BaseEmbeddingFunction

from app.answering.answer import Ending, Piece, Usage
from app.answering.prompt import Message
from app.embedding import TokenCounter
from app.retrieval.passage import Passage
from tests.waiting import PATIENCE

Fault = Literal["wrong key", "over the limit", "down", "hangs", "dies", "stalls", "says nothing"]


def passage(
    text: str, number: int = 1, *, start: int = 0, name: str = "", score: float = 0.5
) -> Passage:
    """Passage `number` of a document of its own, beginning at `start` of its revision's text."""
    return Passage(
        rank=number,
        score=score,
        chunk_id=number,
        document_id=number,
        document_name=name or f"document-{number}.md",
        title=None,
        revision_id=10 + number,
        revision_created_at=datetime(2026, 1, 1, tzinfo=UTC),
        start=start,
        end=start + len(text),
        text=text,
    )


@dataclass
class BagOfWords:
    """An embedder whose vectors count words (Chinese characters), `same` ones as one."""

    same: dict[str, str] = field(default_factory=dict)
    requests: list[list[str]] = field(default_factory=list)
    model: str = "fake/words"
    dimensions: int = 64
    max_tokens: int = 256
    query_prefix: str = ""
    document_prefix: str = ""

    @property
    def tokens(self) -> TokenCounter:
        raise NotImplementedError

    @property
    def function(self) -> BaseEmbeddingFunction:
        raise NotImplementedError

    def embed_query(self, text: str) -> list[float]:
        vector = [0.0] * self.dimensions
        text = text.casefold()
        for words, meant in self.same.items():
            text = text.replace(words, meant)
        for word in re.findall(r"[\u4e00-\u9fff]|\w+", text):
            vector[zlib.crc32(word.encode("utf-8", "replace")) % self.dimensions] += 1.0
        length = math.hypot(*vector)
        return [x / length for x in vector] if length else [1.0, *vector[1:]]

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.requests.append(list(texts))
        return [self.embed_query(text) for text in texts]


@dataclass
class FakeGenerator:
    """Says `reply` in pieces of `size` characters, and remembers what it was told and if closed."""

    reply: str
    size: int = 7
    model: str = "fake/chat"
    error_at: int | None = None
    error: Exception | None = None
    cut_off: bool = False
    told: list[Sequence[Message]] = field(default_factory=list)
    closed: bool = False

    def stream(self, messages: Sequence[Message]) -> Generator[Piece, None, None]:
        self.told.append(messages)
        try:
            for at in range(0, len(self.reply), self.size):
                if self.error is not None and self.error_at is not None and at >= self.error_at:
                    raise self.error
                yield self.reply[at : at + self.size]
            yield Usage(prompt_tokens=100, completion_tokens=len(self.reply))
            yield Ending(self.model, cut_off=self.cut_off)
        finally:
            self.closed = True


def obey(messages: Sequence[dict[str, str]]) -> str:
    """What a model says that follows every order which reaches it outside of a passage's fence."""
    system, user = messages[0]["content"], messages[-1]["content"]
    fences = re.search(r'"<<<passage N (\w+)"', system)
    fence = fences[1] if fences else "none"
    outside = re.sub(
        rf"^<<<passage \d+ {fence}$.*?^{fence} passage \d+>>>$",
        "",
        user,
        flags=re.DOTALL | re.MULTILINE,
    )
    orders = re.findall(r"(?i)say:? (\w+)", outside)
    return " ".join(orders) or "The passages say so. [1]"


@dataclass
class FakeChat:
    """An OpenAI-compatible chat endpoint. `faults` happen one per request, in their order."""

    reply: str | Callable[[Sequence[dict[str, str]]], str] = "The tide turns at noon. [1]"
    key: str | None = None
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    reader_left: threading.Event = field(default_factory=threading.Event)
    endless: bool = False
    goes_on: dict[str, Any] = field(default_factory=lambda: {"content": " more"})
    """What an endless one sends."""
    deltas: list[dict[str, Any]] | None = None
    """What it sends in the place of the reply in pieces."""
    body: bytes | None = None
    """All that it sends, with the status 200, whatever that is."""
    models: tuple[str, ...] | None = None
    """What it lists, and answers as; without any, it has no list and answers as anything."""
    finish: str = "stop"
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def text_for(self, messages: Sequence[dict[str, str]]) -> str:
        return self.reply(messages) if callable(self.reply) else self.reply


class ChatHandler(BaseHTTPRequestHandler):
    """One request to a `FakeChat`."""

    chat: FakeChat
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The list of models, at `/v1/models` alone."""
        self.close_connection = True
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.path != "/v1/models" or self.chat.models is None:
            self._refuse(404, "Not Found", "not_found")
        elif self.chat.key is not None and key != self.chat.key:
            self._refuse(401, f"Incorrect API key provided: {key}.", "invalid_api_key")
        else:
            listed = [{"id": name, "object": "model"} for name in self.chat.models]
            self._reply(200, {"object": "list", "data": listed})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.chat.requests.append(body)
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.chat.keys.append(key)
        self.close_connection = True
        fault = self.chat.faults.popleft() if self.chat.faults else None
        if fault == "wrong key" or (self.chat.key is not None and key != self.chat.key):
            self._refuse(401, f"Incorrect API key provided: {key}.", "invalid_api_key")
        elif self.path != "/v1/chat/completions" or (
            self.chat.models is not None and body["model"] not in self.chat.models
        ):
            self._refuse(404, "Not Found", "not_found")
        elif fault == "over the limit":
            self._refuse(429, "Rate limit reached.", "rate_limit_exceeded")
        elif fault == "down":
            self._refuse(503, "The model is loading.", "server_is_overloaded")
        elif fault == "hangs":
            self.chat.released.wait(PATIENCE)
        elif self.chat.body is not None:
            self._begin()
            self._raw(self.chat.body)
            self._end()
        else:
            try:
                self._stream(self.chat.text_for(body["messages"]), fault)
            except OSError:
                self.chat.reader_left.set()

    def _refuse(self, status: int, message: str, code: str) -> None:
        error = {"message": message, "type": "error", "param": None, "code": code}
        self._reply(status, {"error": error})

    def _reply(self, status: int, body: dict[str, Any]) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Retry-After", "3")
        self.end_headers()
        self.wfile.write(payload)

    def _begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def _deltas(self, text: str) -> list[dict[str, Any]]:
        if self.chat.deltas is not None:
            return self.chat.deltas
        return [{"content": piece} for piece in re.findall(r"\s*\S{1,5}", text)]

    def _stream(self, text: str, fault: Fault | None) -> None:
        self._begin()
        deltas = self._deltas(text) if fault != "says nothing" else []
        for number, delta in enumerate(deltas):
            if number == 2 and fault == "dies":
                self.wfile.flush()
                return  # without the last, empty chunk: the connection just ends
            if number == 2 and fault == "stalls":
                self.chat.released.wait(PATIENCE)
                return
            self._chunk(delta)
        while self.chat.endless:
            self._chunk(self.chat.goes_on)
        self._chunk({}, finish=self.chat.finish)
        usage = {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}
        self._send({"choices": [], "usage": usage})
        self._raw(b"data: [DONE]\n\n")
        self._end()

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> None:
        self._send(
            {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None}
        )

    def _send(self, chunk: dict[str, Any]) -> None:
        whole = {"id": "c1", "object": "self.chat.completion.chunk", "created": 1, "model": "m"}
        self._raw(f"data: {json.dumps(whole | chunk)}\n\n".encode())

    def _raw(self, payload: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(payload), payload))

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def chatting(chat: FakeChat) -> Iterator[FakeChat]:
    """`chat`, listening on a port of its own on loopback."""
    handler = type("Handler", (ChatHandler,), {"chat": chat})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    chat.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield chat
    finally:
        chat.released.set()
        chat.endless = False
        server.shutdown()
        server.server_close()
        thread.join()
        _forget_clients(chat.api_base)


def _forget_clients(api_base: str) -> None:
    """Close what litellm keeps of an endpoint, ten minutes long or to the end: its connections."""
    import litellm

    kept = litellm.in_memory_llm_clients_cache
    for key, client in list(kept.cache_dict.items()):
        if str(getattr(client, "base_url", "")).startswith(api_base):
            client.close()
            kept.delete_cache(key)
