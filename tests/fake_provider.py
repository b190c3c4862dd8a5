"""A fake OpenAI-compatible embedding server over real HTTP, as Ollama, vLLM or OpenAI behave."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Kind = Literal["ollama", "vllm", "openai", "nanogpt", "langdock", "tei"]

NATIVE_WIDTHS = {
    "nomic-embed-text": 768,
    "intfloat/e5-mistral-7b-instruct": 4096,
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "BAAI/bge-m3": 1024,
    "jina-clip-v1": 768,
    "BAAI/bge-large-en-v1.5": 1024,  # NanoGPT's page says 768
    "BAAI/bge-large-zh-v1.5": 1024,
    "jina-embeddings-v2-base-en": 768,
    "jina-embeddings-v2-base-de": 768,
    "jina-embeddings-v2-base-zh": 768,
    "jina-embeddings-v2-base-es": 768,
    "jina-embeddings-v2-base-code": 768,
    "Baichuan-Text-Embedding": 1024,
    "netease-youdao/bce-embedding-base_v1": 768,
    "zhipu-embedding-2": 1024,
    "Qwen/Qwen3-Embedding-0.6B": 1024,
    "BAAI/bge-base-en-v1.5": 768,
}
CUTS = frozenset({"text-embedding-3-small", "text-embedding-3-large", "Qwen/Qwen3-Embedding-0.6B"})
"""The models of which NanoGPT takes `dimensions`."""
TEI_INPUTS = 32


@dataclass(frozen=True)
class Reply:
    """An answer other than the right one: to one request, then it is used up."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds of silence before it, which end early when the server stops."""


def bag_of_words(text: str, width: int) -> list[float]:
    """A unit vector that is near another's when they share words: each word has its direction.

    Words are cut to their first five letters, so that "program" and "programming" are one.
    """
    vector = [0.0] * width
    for word in re.findall(r"\w+", text.lower()) or [text or "nothing"]:
        digest = hashlib.sha256(word[:5].encode("utf-8", "replace")).digest()
        for at in range(0, 16, 4):
            value = int.from_bytes(digest[at : at + 4], "little")
            vector[value % width] += 1.0 if value & 0x8000_0000 else -1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


@dataclass
class FakeProvider:
    """What the server does, and what it was asked: `requests` holds each JSON body."""

    kind: Kind = "openai"
    key: str | None = None
    """The bearer key that is asked for, where one is."""
    shuffled: bool = False
    as_base64: bool = False
    poison: str | None = None
    """A word for which the whole request is answered with 400."""
    replies: list[Reply] = field(default_factory=list)
    """Answers to the next requests, before it behaves again."""
    change: Any = None
    """A function that is given the right list of vectors, and gives the wrong one."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    def understand(self, embed: Callable[[list[str]], list[list[float]]]) -> None:
        """Reply with the vectors of a real model, as wide as the name asked for says.

        Zeros after a vector leave every angle as it is.
        """

        def understood(_: list[list[float]]) -> list[list[float]]:
            asked = self.requests[-1]
            width = NATIVE_WIDTHS[asked["model"]]
            return [[*vector, *[0.0] * (width - len(vector))] for vector in embed(asked["input"])]

        self.change = understood

    @property
    def api_base(self) -> str:
        return f"{self.address}{'/openai/eu/v1' if self.kind == 'langdock' else '/v1'}"

    @property
    def sent_texts(self) -> list[str]:
        return [text for request in self.requests for text in request["input"]]

    def answer(self, request: dict[str, Any], authorization: str) -> Reply:
        self.requests.append(request)
        if self.replies:
            prepared = self.replies.pop(0)
            if prepared.status != 200 or prepared.body is not None:
                return prepared
            if prepared.delay:
                self.stopping.wait(prepared.delay)
        wrong_key = self.key is not None and authorization != f"Bearer {self.key}"
        if self.kind in SHAPES:
            refusal = SHAPES[self.kind](request, wrong_key)
        else:
            refusal = self._refusal(request, authorization)
        return refusal or self._right_answer(request)

    def _refusal(self, request: dict[str, Any], authorization: str) -> Reply | None:
        model, texts = request["model"], request["input"]
        if self.key is not None and authorization != f"Bearer {self.key}":
            wrong = f"Incorrect API key provided: {authorization[7:]}."
            return _error(401, wrong, "invalid_api_key")
        if model not in NATIVE_WIDTHS:
            wanted = f'model "{model}" not found, try pulling it first'
            return _error(404, wanted, "model_not_found")
        if request.get("dimensions") is not None and self.kind == "vllm":
            return Reply(400, _vllm_error(f"Model {model} does not support matryoshka"))
        if self.poison and any(self.poison in text for text in texts):
            return _error(400, "This model's maximum context length is 8192 tokens", "too_long")
        if self.kind == "openai" and "" in texts:
            return _error(400, "input cannot be an empty string", "invalid_input")
        return None

    def _right_answer(self, request: dict[str, Any]) -> Reply:
        width = NATIVE_WIDTHS[request["model"]]
        if self.kind in {"openai", "nanogpt"}:  # Ollama ignores what it is asked for
            width = request.get("dimensions") or width
        vectors = [bag_of_words(text, width) for text in request["input"]]
        if self.change is not None:
            vectors = self.change(vectors)
        return Reply(body=self._body(request["model"], vectors))

    def _body(self, model: str, vectors: Sequence[Any]) -> dict[str, Any]:
        data = [
            {
                "object": "embedding",
                "index": at,
                "embedding": _base64(vector) if self.as_base64 else vector,
            }
            for at, vector in enumerate(vectors)
        ]
        if self.shuffled:
            data.reverse()
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return {"object": "list", "model": model, "data": data, "usage": usage}


def _nanogpt(request: dict[str, Any], wrong_key: bool) -> Reply | None:  # noqa: FBT001
    """Three shapes of errors, as its page, its schema and its gateway have them."""
    model = request["model"]
    if wrong_key:
        return _error(401, "Invalid API key", "invalid_api_key")
    if model not in NATIVE_WIDTHS:
        return Reply(400, {"error": 400, "message": "Invalid model specified"})
    if not all(isinstance(text, str) for text in request["input"]):
        return Reply(400, {"error": 400, "message": "input must be a string or strings"})
    if request.get("dimensions") is not None and model not in CUTS:
        return Reply(400, {"error": 400, "message": f"{model} does not support dimensions"})
    return None


def _langdock(request: dict[str, Any], wrong_key: bool) -> Reply | None:  # noqa: FBT001
    if wrong_key:
        return Reply(401, {"message": "The provided API key is invalid."})
    if request["model"] != "text-embedding-ada-002" or request.get("dimensions") is not None:
        return Reply(400, {"message": "No embedding models available for the eu region"})
    return None


def _tei(request: dict[str, Any], wrong_key: bool) -> Reply | None:  # noqa: FBT001
    if wrong_key:
        return Reply(401, "")
    if len(request["input"]) > TEI_INPUTS:
        told = f"batch size {len(request['input'])} > maximum allowed batch size {TEI_INPUTS}"
        return Reply(422, {"message": told, "code": 422, "type": "validation"})
    return None


SHAPES = {"nanogpt": _nanogpt, "langdock": _langdock, "tei": _tei}
"""What these refuse, and in which words, as their pages and their sources have them."""


def _error(status: int, message: str, code: str) -> Reply:
    kind = "invalid_request_error"
    return Reply(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})


def _vllm_error(message: str) -> dict[str, Any]:
    return {
        "object": "error",
        "message": message,
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    }


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


@contextmanager
def serving(provider: FakeProvider) -> Iterator[FakeProvider]:
    """Serve `provider` on loopback; its `address` is known inside."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self.path.endswith("/embeddings"):
                reply = _error(404, f"no endpoint {self.path}", "not_found")
            else:
                reply = provider.answer(request, self.headers.get("Authorization", ""))
            if reply.delay and provider.stopping.wait(reply.delay):
                return
            body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())
            except OSError:
                pass  # the client has given up waiting

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        provider.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
