"""What Tidemark adds to a chat model's own time: before the first word, per word, fifty at once.

The model is a fake endpoint in this process, which notes when it is asked and when it writes; the
server is another process, as a person runs it. BENCH_CHUNKS makes it smaller for a try.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from app.evaluation.collection import read_collection
from benchmarks.measurement import Measurement
from benchmarks.serving import BASE, filled, resident, running

CHUNKS = int(os.environ.get("BENCH_CHUNKS", "50000"))
QUESTIONS = 60
WARM = 5
STREAMS = 50
PACE = 0.1  # seconds between two tokens of a paced stream
PACED_TOKENS = 150
FAST_TOKENS = 600
SENTENCE = (
    *("the", "tide", "turns", "at", "noon", "on", "days", "of", "a", "new", "moon", "and"),
    *("ships", "sail", "at", "dusk", "[1]."),
)


@dataclass
class FakeModel:
    """An OpenAI-compatible chat endpoint; `asked` and `begun` are by its requests' question."""

    tokens: int = 40
    pace: float = 0.0
    asked: dict[str, float] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    port: int = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            )
            content = json.loads(await reader.readexactly(length))["messages"][-1]["content"]
            question = content.rpartition("Question: ")[2]
            self.asked[question] = time.perf_counter()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
            )
            for number in range(self.tokens):
                self._write(writer, {"content": SENTENCE[number % len(SENTENCE)] + " "})
                self.begun.setdefault(question, time.perf_counter())
                if self.pace:
                    await asyncio.sleep(self.pace)
                elif number % 20 == 0:
                    await writer.drain()
            self._write(writer, {}, "stop")
            writer.write(b"data: [DONE]\n\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @staticmethod
    def _write(writer: asyncio.StreamWriter, delta: dict[str, str], end: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "fake"}
        writer.write(f"data: {json.dumps(chunk | {'choices': [choice]})}\n\n".encode())


@dataclass
class Heard:
    """When an answer's events came: seconds on this process's clock."""

    retrieval: float = 0.0
    first: float = 0.0
    last: float = 0.0
    tokens: int = 0
    gap: float = 0.0
    """The longest silence between two tokens."""


def measure(collections: Path) -> list[Measurement]:
    collection = read_collection(collections / "scifact")
    questions = list(collection.questions.values())[: QUESTIONS + WARM]
    folder, chunks = filled(collections, CHUNKS)
    return asyncio.run(_measured(folder.name, questions, chunks))


async def _measured(folder: str, questions: list[str], chunks: int) -> list[Measurement]:
    model = FakeModel()
    endpoint = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    model.port = endpoint.sockets[0].getsockname()[1]
    settings = {"TIDEMARK_CHAT_MODEL": "openai/fake", "TIDEMARK_CHAT_API_BASE": model.base}
    context = running(folder, **settings)
    client, _, process = await asyncio.to_thread(context.__enter__)
    try:
        async with httpx.AsyncClient(base_url=client.base_url, timeout=600) as http:
            return [
                await _before_the_first(http, model, questions, chunks),
                await _per_token(http, model, questions),
                *await _at_once(http, model, questions, process.pid),
            ]
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        endpoint.close()


async def _before_the_first(
    http: httpx.AsyncClient, model: FakeModel, questions: list[str], chunks: int
) -> Measurement:
    added, whole = list[float](), list[float]()
    for number, question in enumerate(questions):
        began = time.perf_counter()
        heard = await _answer(http, question)
        if number < WARM:
            continue
        own = model.begun[question] - model.asked[question]  # the model's own time
        added.append(1000 * (heard.first - began - own) - heard.retrieval)
        whole.append(1000 * (heard.first - began))
    return Measurement(
        "added before the model's first token, beyond retrieval, p50",
        statistics.median(added),
        "ms",
        60,
        f"{chunks:,} chunks; p95 {sorted(added)[int(0.95 * len(added))]:.1f} ms; "
        f"question to first token {statistics.median(whole):.1f} ms",
        at_most=True,
    )


async def _per_token(
    http: httpx.AsyncClient, model: FakeModel, questions: list[str]
) -> Measurement:
    """A model that writes as fast as it can, read through Tidemark and by itself, by turns."""
    model.tokens, model.pace = FAST_TOKENS, 0.0
    extra = list[float]()
    for question in questions[:10]:
        heard = await _answer(http, f"{question} At length?")
        own = await _alone(model, question)
        extra.append(1000 * ((heard.last - heard.first) - own) / FAST_TOKENS)
    return Measurement(
        "streaming overhead per token against the model's own stream, p50",
        statistics.median(extra),
        "ms",
        1,
        f"{FAST_TOKENS} tokens at once, sentences checked",
        at_most=True,
    )


async def _at_once(
    http: httpx.AsyncClient, model: FakeModel, questions: list[str], pid: int
) -> list[Measurement]:
    model.tokens, model.pace = PACED_TOKENS, PACE
    before = resident(pid)
    asked = [f"{questions[n % len(questions)]} Number {n}?" for n in range(STREAMS)]
    limits = httpx.Limits(max_connections=STREAMS)
    async with httpx.AsyncClient(base_url=http.base_url, timeout=600, limits=limits) as many:
        heard = await asyncio.gather(*(_answer(many, question) for question in asked))
    stall = 1000 * max(each.gap - PACE for each in heard)
    spread = max(each.first for each in heard) - min(each.first for each in heard)
    grown = (resident(pid) - before) / 1e6
    return [
        Measurement(
            f"longest stall of {STREAMS} streams at once",
            stall,
            "ms",
            500,
            f"{PACED_TOKENS} tokens each, one in {PACE * 1000:.0f} ms; "
            f"first tokens within {spread:.2f} s",
            at_most=True,
        ),
        Measurement(
            f"memory for {STREAMS} streams", grown, "MB", 300, "of the server", at_most=True
        ),
    ]


async def _answer(http: httpx.AsyncClient, question: str) -> Heard:
    heard, before = Heard(), 0.0
    async for name, data in _events(http, question):
        moment = time.perf_counter()
        if name == "retrieved":
            heard.retrieval = json.loads(data)["milliseconds"]
        elif name == "token":
            heard.first = heard.first or moment
            heard.gap = max(heard.gap, moment - before) if before else 0.0
            heard.last = before = moment
            heard.tokens += 1
        elif name == "error":
            raise RuntimeError(data)
    return heard


async def _events(http: httpx.AsyncClient, question: str) -> AsyncIterator[tuple[str, str]]:
    asked = {"json": {"question": question}, "headers": {"accept": "text/event-stream"}}
    async with http.stream("POST", f"{BASE}/answers", **asked) as reply:  # type: ignore[arg-type]
        name = ""
        async for line in reply.aiter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, line[6:]


async def _alone(model: FakeModel, question: str) -> float:
    """Seconds from the first to the last token of the model's own stream."""
    body = {"model": "fake", "stream": True, "messages": [{"role": "user", "content": question}]}
    first = last = 0.0
    async with (
        httpx.AsyncClient(timeout=60) as http,
        http.stream("POST", f"{model.base}/chat/completions", json=body) as reply,
    ):
        async for line in reply.aiter_lines():
            if line.startswith("data: {"):
                last = time.perf_counter()
                first = first or last
    return last - first
