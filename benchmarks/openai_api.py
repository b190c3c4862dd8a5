"""`/v1/embeddings` against the model without a server: one query, a crowd, one great request."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray

from app.config import load_settings
from app.embedding.embedder import Embedder
from app.embedding.local import LocalEmbedder
from app.embedding.making import make_embedder
from app.evaluation.collection import read_collection
from app.web.v1.embeddings import Asked, reply_bytes
from app.web.v1.pieces import model_of
from app.web.v1.sizes import parted
from app.web.v1.waiting import EmbeddingQueue
from benchmarks.measurement import Measurement
from benchmarks.serving import running

MODEL = "all-MiniLM-L6-v2"
QUERIES = 200
CLIENTS = 64
REQUESTS_A_CLIENT = 6
GREAT = 2048  # texts in one request
BULK = 10_000  # texts


def measure(collections: Path) -> list[Measurement]:
    collection = read_collection(collections / "scifact")
    questions = list(collection.questions.values())
    texts = [document.content[:400] for document in collection.documents()]
    embedder = make_embedder(load_settings(), print)
    with (
        tempfile.TemporaryDirectory(prefix="tidemark-bench-") as folder,
        running(folder) as (client, _, _),
    ):
        return [
            _one_query(client, embedder, questions[:QUERIES]),
            _crowd(str(client.base_url), embedder, texts),
            _great_request(embedder, texts),
            _beside_bulk(client, questions[:QUERIES], texts),
        ]


def _ask(client: httpx.Client, given: str | Sequence[str]) -> None:
    body = {"model": MODEL, "input": given, "encoding_format": "base64"}
    client.post("/v1/embeddings", json=body).raise_for_status()


def _one_query(client: httpx.Client, embedder: Embedder, questions: list[str]) -> Measurement:
    """By turns, so that whatever else the machine does is in the way of both."""
    for question in questions[:10]:
        _ask(client, question)
        embedder.embed_query(question)
    took: dict[str, list[float]] = {"bare": [], "served": []}
    for question in questions:
        for name, times in took.items():
            began = time.perf_counter()
            if name == "bare":
                embedder.embed_query(question)
            else:
                _ask(client, question)
            times.append(1000 * (time.perf_counter() - began))
    bare, reached = (statistics.median(took[name]) for name in ("bare", "served"))
    return Measurement(
        "one query through /v1/embeddings, p50, over 1.25 times bare",
        reached - 1.25 * bare,
        "ms",
        2,
        f"served {reached:.1f} ms, bare {bare:.1f} ms",
        at_most=True,
    )


def _crowd(base_url: str, embedder: Embedder, texts: list[str]) -> Measurement:
    draw = random.Random(0)
    asked = [
        [draw.sample(texts, draw.randint(1, 8)) for _ in range(REQUESTS_A_CLIENT)]
        for _ in range(CLIENTS)
    ]
    flat = [text for client in asked for request in client for text in request]

    async def one(http: httpx.AsyncClient, requests: list[list[str]]) -> None:
        for request in requests:
            body = {"model": MODEL, "input": request, "encoding_format": "base64"}
            (await http.post("/v1/embeddings", json=body)).raise_for_status()

    async def all_of_them() -> float:
        limits = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(base_url=base_url, timeout=600, limits=limits) as http:
            began = time.perf_counter()
            await asyncio.gather(*(one(http, requests) for requests in asked))
            return time.perf_counter() - began

    bare = []
    together = []
    for _ in range(2):  # by turns; the better of each
        began = time.perf_counter()
        embedder.embed_documents(flat)
        bare.append(time.perf_counter() - began)
        together.append(asyncio.run(all_of_them()))
    return Measurement(
        f"{CLIENTS} clients of 1 to 8 texts, against one bare batch run",
        min(bare) / min(together),
        "x",
        0.85,
        f"{len(flat) / min(together):.0f} and {len(flat) / min(bare):.0f} texts/s",
    )


class _NoTime:
    """An encoder that takes none, so that what is left is the server's own time."""

    def __init__(self, width: int) -> None:
        self.width = width

    def encode(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        return np.full((len(ids), self.width), self.width**-0.5, np.float32)


def _great_request(embedder: Embedder, texts: list[str]) -> Measurement:
    """What `/v1/embeddings` does with a request beside the model: batches, and the reply's bytes.

    Without tokenising, which the bare run does too.
    """
    if not isinstance(embedder, LocalEmbedder):
        raise SystemExit("This benchmark is for the local model.")
    timeless = LocalEmbedder(
        embedder.model,
        _NoTime(embedder.dimensions),  # type: ignore[arg-type] - all that is asked of one
        embedder.tokens,
        embedder.max_length,
    )
    model = model_of(timeless)
    given = [texts[at % len(texts)] for at in range(GREAT)]
    pieces = parted(given, model, "", "input")
    asked = Asked(MODEL, model, pieces, "base64", model.width)

    async def once() -> float:
        queue = EmbeddingQueue(model)
        began = time.perf_counter()
        vectors = await queue.embed([piece for parts in pieces for piece in parts])
        reply_bytes(asked, vectors)
        return 1000 * (time.perf_counter() - began)

    took = [asyncio.run(once()) for _ in range(7)]
    return Measurement(
        f"{GREAT} texts in one request, base64: outside of the model",
        statistics.median(took),
        "ms",
        60,
        f"best {min(took):.0f} ms",
        at_most=True,
    )


def _beside_bulk(client: httpx.Client, questions: list[str], texts: list[str]) -> Measurement:
    idle = _p95(client, questions)
    with _bulk(str(client.base_url), texts):
        time.sleep(1)
        busy = _p95(client, questions)
    return Measurement(
        f"single queries' p95 beside a bulk job of {BULK:,} texts, against idle",
        busy / idle,
        "x",
        3,
        f"{busy:.1f} and {idle:.1f} ms",
        at_most=True,
    )


def _p95(client: httpx.Client, questions: list[str]) -> float:
    took = []
    for question in questions:
        began = time.perf_counter()
        _ask(client, question)
        took.append(1000 * (time.perf_counter() - began))
        time.sleep(0.01)
    return statistics.quantiles(took, n=20)[-1]


@contextmanager
def _bulk(base_url: str, texts: list[str]) -> Iterator[None]:
    """A job of `BULK` texts that is under way, and given up when nobody asks beside it any more."""
    over = threading.Event()

    def work() -> None:
        with httpx.Client(base_url=base_url, timeout=600) as client:
            sent = 0
            while not over.is_set() and sent < BULK:
                some = [texts[(sent + at) % len(texts)] for at in range(512)]
                _ask(client, some)
                sent += len(some)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    if not thread.is_alive():
        raise SystemExit("The bulk job ended before the questions: make it larger.")
    over.set()
    thread.join()
