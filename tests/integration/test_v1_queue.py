"""What waits for the embedding model: who goes first, how much may wait, and who has gone."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from app.config import Settings
from app.errors import ProviderError
from app.services import Services
from app.web.v1.embeddings import Queues
from app.web.v1.errors import Refused
from app.web.v1.pieces import AnyModel, Content, Piece, Vectors
from app.web.v1.waiting import EmbeddingQueue
from tests.fakes import WatchedEmbedder
from tests.integration.v1 import MODEL, embedded, nearest, vectors_in
from tests.server import application, client, served
from tests.tasks import finished
from tests.waiting import PATIENCE, wait_until


class PacedModel:
    """Embeds a text as its number, one batch for each `step`, and remembers the batches."""

    width = 1
    batch_tokens = 8

    def __init__(self) -> None:
        self.batches: list[list[Content]] = []
        self.steps = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)

    def pieces(self, text: str, prefix: str) -> list[Piece]:
        return [Piece(prefix + text, 1)]

    def one(self, content: Content) -> Vectors:
        self.batches.append([content])
        return np.array([[float(str(content))]], np.float32)

    def many(self, contents: Sequence[Content]) -> Vectors:
        self.begun.release()
        assert self.steps.acquire(timeout=PATIENCE)
        if "bad" in contents:
            raise ProviderError("That text is bad.")
        self.batches.append(list(contents))
        return np.array([[float(str(content))] for content in contents], np.float32)


def texts(*numbers: int) -> list[Piece]:
    return [Piece(str(number), 1) for number in numbers]


async def begun(model: PacedModel) -> None:
    assert await asyncio.to_thread(model.begun.acquire, timeout=PATIENCE)


def test_a_single_text_overtakes_a_bulk_job() -> None:
    async def run() -> None:
        model = PacedModel()
        queue = EmbeddingQueue(model)
        bulk = asyncio.create_task(queue.embed(texts(*range(40))))
        await begun(model)
        assert (await queue.embed(texts(99))).tolist() == [[99]]  # no step was given
        assert model.batches == [["99"]]
        model.steps.release(100)
        assert (await bulk).ravel().tolist() == list(range(40))

    finished(run())


def test_a_few_texts_are_done_after_a_batch_or_two_of_a_large_request() -> None:
    async def run() -> None:
        model = PacedModel()
        queue = EmbeddingQueue(model)
        bulk = asyncio.create_task(queue.embed(texts(*range(400))))
        await begun(model)
        few = asyncio.create_task(queue.embed(texts(7, 8, 9)))
        await asyncio.sleep(0)
        model.steps.release(3)
        assert (await asyncio.wait_for(few, PATIENCE)).ravel().tolist() == [7, 8, 9]
        model.steps.release(1000)
        await bulk

    finished(run())


def test_texts_of_several_requests_share_a_batch() -> None:
    async def run() -> None:
        model = PacedModel()
        model.steps.release(100)
        queue = EmbeddingQueue(model)
        done = await asyncio.gather(*(queue.embed(texts(n, n + 1)) for n in range(0, 8, 2)))
        assert [vectors.ravel().tolist() for vectors in done] == [[0, 1], [2, 3], [4, 5], [6, 7]]
        assert len(model.batches) == 2  # a piece counts one more than its tokens

    finished(run())


def test_who_gives_up_frees_what_still_waits() -> None:
    async def run() -> None:
        model = PacedModel()
        queue = EmbeddingQueue(model, most_tokens=50)
        bulk = asyncio.create_task(queue.embed(texts(*range(50))))
        await begun(model)
        bulk.cancel()
        await asyncio.wait({bulk})
        model.steps.release(100)
        assert (await queue.embed(texts(*range(50)))).shape == (50, 1)
        assert sum(map(len, model.batches)) == 54  # the batch at hand was done, and no more

    finished(run())


def test_a_full_queue_refuses_with_the_time_to_come_back() -> None:
    async def run() -> None:
        model = PacedModel()
        queue = EmbeddingQueue(model, most_tokens=20, most_requests=2)
        first = asyncio.create_task(queue.embed(texts(*range(30))))  # more than all, but alone
        await begun(model)
        with pytest.raises(Refused) as refusal:
            await queue.embed(texts(1, 2))
        assert refusal.value.status == 503
        assert refusal.value.code == "server_is_overloaded"
        assert int((refusal.value.headers or {})["retry-after"]) >= 1
        model.steps.release(100)
        await first
        assert (await queue.embed(texts(1, 2))).ravel().tolist() == [1, 2]

    finished(run())


def test_a_request_whose_text_fails_fails_alone() -> None:
    async def run() -> None:
        model = PacedModel()
        model.steps.release(100)
        queue = EmbeddingQueue(model)
        bad = [Piece("bad", 1), Piece("1", 1)]
        good, failed = await asyncio.gather(
            queue.embed(texts(3, 4)), queue.embed(bad), return_exceptions=True
        )
        assert isinstance(good, np.ndarray)
        assert good.ravel().tolist() == [3, 4]
        assert isinstance(failed, ProviderError)
        assert (await queue.embed(texts(5, 6))).ravel().tolist() == [5, 6]

    finished(run())


@pytest.fixture
def queue(embedder: WatchedEmbedder) -> EmbeddingQueue:
    """One that takes a request at a time."""
    return EmbeddingQueue(AnyModel(embedder, batch_tokens=64), most_requests=1)


@pytest.fixture
def small(
    settings: Settings, services: Services, embedder: WatchedEmbedder, queue: EmbeddingQueue
) -> Iterator[httpx.Client]:
    """A server with that queue."""
    app = application(settings, services)
    app.state.embedding_queues = Queues({embedder.model: (embedder, queue.model)}, {MODEL: queue})
    with served(app) as address, client(address) as http:
        yield http


def test_an_overloaded_server_says_when_to_come_back(
    small: httpx.Client, embedder: WatchedEmbedder
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold(_: Sequence[str]) -> None:
        entered.set()
        assert leave.wait(PATIENCE)

    embedder.before = hold
    body = {"model": MODEL, "input": ["tide", "seal"]}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(small.post, "/v1/embeddings", json=body)
        assert entered.wait(PATIENCE)
        refused = small.post("/v1/embeddings", json=body)
        leave.set()
        assert first.result().status_code == 200
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["type"] == "service_unavailable_error"
    assert refused.json()["error"]["code"] == "server_is_overloaded"
    assert refused.json()["error"]["param"] is None


def test_a_client_that_hangs_up_frees_its_work(
    small: httpx.Client, embedder: WatchedEmbedder, queue: EmbeddingQueue
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold(_: Sequence[str]) -> None:
        entered.set()
        assert leave.wait(PATIENCE)

    embedder.before = hold
    many = [f"Tide number {number} turns at noon." for number in range(200)]
    body = json.dumps({"model": MODEL, "input": many}).encode()
    where = small.base_url
    with socket.create_connection((where.host, where.port or 80), timeout=PATIENCE) as raw:
        head = f"POST /v1/embeddings HTTP/1.1\r\nHost: {where.netloc.decode()}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        raw.sendall(head.encode() + body)
        assert entered.wait(PATIENCE)
    wait_until(lambda: not queue._requests, "the server has not noticed")
    leave.set()
    embedder.before = None
    reply = small.post("/v1/embeddings", json={"model": MODEL, "input": ["tide", "seal"]})
    assert vectors_in(reply.json()).shape == (2, 384)
    assert len(embedder.embedded) < 100


def test_many_at_once_get_each_their_own(http: httpx.Client, address: str) -> None:
    asked = [[f"{n} tides", f"{n} seals on sandbank {n}"][: 1 + n % 2] for n in range(40)]
    expected = [embedded(http, each) for each in asked]

    def ask(each: list[str]) -> Vectors:
        with client(address) as mine:
            return embedded(mine, each, encoding_format="base64")

    with ThreadPoolExecutor(20) as pool:
        for one, other in zip(expected, pool.map(ask, asked), strict=True):
            assert nearest(one, other) >= 0.9999
