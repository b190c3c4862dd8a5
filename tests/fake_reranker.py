"""A fake `/rerank` server over real HTTP, in the shapes that Cohere, Jina, vLLM and TEI have."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from tests.waiting import PATIENCE

Kind = Literal["cohere", "jina", "vllm", "tei"]
Fault = Literal[
    "down", "hangs", "trickles", "never ends", "says nothing", "forgets one", "repeats one",
    "is no number", "is no JSON",
]  # fmt: skip


@dataclass
class FakeReranker:
    """Scores a text by how often `word` stands in it; says so best first, as real ones do."""

    kind: Kind = "cohere"
    word: str = "harbour"
    key: str | None = None
    fault: Fault | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str, request: dict[str, Any], authorization: str) -> tuple[int, Any]:
        self.requests.append(request)
        wanted = "texts" if self.kind == "tei" else "documents"
        if path != "/rerank" or wanted not in request:
            return 404 if path != "/rerank" else 422, {"error": f"missing field `{wanted}`"}
        if self.key is not None and authorization != f"Bearer {self.key}":
            return 401, {"message": "invalid api token"}
        if self.fault == "down":
            return 503, {"error": "Model is overloaded"}
        if self.fault == "hangs":
            self.stopping.wait(PATIENCE)
        texts = request[wanted]
        found = [(n, text.lower().count(self.word) / 10) for n, text in enumerate(texts)]
        found.sort(key=lambda one: -one[1])
        if self.fault == "forgets one":
            found.pop()
        if self.fault == "repeats one":
            found.append((found[-1][0], 0.9))
        if self.fault == "is no number":
            found[0] = (found[0][0], float("nan"))
        return 200, self._shaped(found, texts)

    def _shaped(self, found: list[tuple[int, float]], texts: list[str]) -> Any:
        if self.kind == "tei":
            return [{"index": n, "score": score} for n, score in found]
        results = [{"index": n, "relevance_score": score} for n, score in found]
        if self.kind == "cohere":
            return {"id": "1", "results": results, "meta": {"api_version": {"version": "2"}}}
        for one in results:
            one["document"] = {"text": texts[int(one["index"])]}  # type: ignore[assignment]
        usage = {"total_tokens": 10}
        return {"id": "rerank-1", "model": "m", "usage": usage, "results": results}


@contextmanager
def reranking_server(fake: FakeReranker) -> Iterator[FakeReranker]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            authorization = self.headers.get("authorization", "")
            status, said = fake.answer(self.path, json.loads(body), authorization)
            sent = b"<html>" if fake.fault == "is no JSON" else json.dumps(said).encode()
            if fake.fault == "says nothing":
                sent = b"{}"
            try:
                if fake.fault in ("trickles", "never ends"):
                    self._go_on(b" " * (1 if fake.fault == "trickles" else 2**20))
                    return
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)
            except OSError:
                pass  # who asked has gone

        def _go_on(self, part: bytes) -> None:
            self.send_response(200)
            self.end_headers()
            while not fake.stopping.wait(0.01):
                self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    fake.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        fake.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
