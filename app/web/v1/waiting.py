"""What waits for the embedding model: in batches across requests, fairly, and never without end."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from anyio import CapacityLimiter, to_thread

from app.web.v1.errors import OVERLOADED, Refused
from app.web.v1.pieces import Model, Piece, Vectors

MOST_TOKENS = 900_000
"""Tokens that may wait: three requests of the greatest size."""
MOST_REQUESTS = 512
_MUCH_SHORTER = 0.75  # of a batch's longest: padding a text that far costs more than it saves
_LONGEST_WAIT = 60  # seconds that a refused client is told to stay away at most
_FIRST_GUESS = 5_000.0  # tokens a second, until some were measured


@dataclass(eq=False)
class Work:
    """The pieces of one request that still wait, and the vectors of those that are done."""

    pieces: Sequence[Piece]
    vectors: Vectors
    """`[pieces, width]`, of which each row is filled once its piece was embedded."""
    rows: list[int]
    """Of the pieces that wait, the shortest first."""
    lengths: list[int]
    left: int
    """How many vectors are not there yet."""
    done: asyncio.Future[None]

    @classmethod
    def of(cls, pieces: Sequence[Piece], width: int) -> Work:
        rows = sorted(range(len(pieces)), key=lambda row: pieces[row].tokens)
        return cls(
            pieces,
            np.empty((len(pieces), width), np.float32),
            rows,
            [pieces[row].tokens + 1 for row in rows],
            len(pieces),
            asyncio.get_running_loop().create_future(),
        )

    def take(self, longest: float, shortest: float) -> tuple[int, int] | None:
        """The row and length of the longest piece that waits within these bounds, taken out."""
        place = bisect_right(self.lengths, longest) - 1
        if place < 0 or self.lengths[place] < shortest:
            return None
        return self.rows.pop(place), self.lengths.pop(place)


class Part(NamedTuple):
    """One piece in a batch."""

    work: Work
    row: int

    @property
    def piece(self) -> Piece:
        return self.work.pieces[self.row]


@dataclass(eq=False)
class Lane:
    """Requests that take turns, and the thread that runs their batches one after the other."""

    at_once: bool
    """Whether what is alone in its batch need not wait for other batches."""
    works: deque[Work] = field(default_factory=deque)
    running: asyncio.Task[None] | None = None
    """What waits for the thread; None as soon as the thread has found nothing to do."""
    thread: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))

    def batch(self, most_tokens: int) -> list[Part]:
        """The longest piece of the request whose turn it is, and of all requests what fits it."""
        first = self.works[0]
        longest = first.lengths[-1]
        parts: list[Part] = []
        for work in list(self.works):
            while (len(parts) + 1) * longest <= most_tokens or not parts:
                taken = work.take(longest, longest * _MUCH_SHORTER)
                if taken is None:
                    break
                parts.append(Part(work, taken[0]))
        self.works.rotate(-1)
        for work in {part.work for part in parts}:
            if not work.rows:
                self.works.remove(work)
        return parts


class EmbeddingQueue:
    """Runs what requests of one event loop ask of one model.

    A request of a single piece, as a search makes, has a lane of its own: it does not wait for the
    bulk, which in turn begins no batch while it runs. The others take turns, batch by batch, so
    that a request of a few texts is done after a few batches, however large the one before it is.

    A lane's thread takes batch after batch by itself: the event loop hears of whole requests alone,
    for to be asked for each batch of a great one would cost it more than all else that it does.
    """

    def __init__(
        self, model: Model, *, most_tokens: int = MOST_TOKENS, most_requests: int = MOST_REQUESTS
    ) -> None:
        self.model = model
        self.most_tokens = most_tokens
        self.most_requests = most_requests
        self._lanes = {True: Lane(at_once=True), False: Lane(at_once=False)}
        self._taking = threading.Lock()  # held for as long as the lanes are looked at or changed
        self._tokens = 0
        self._requests = 0
        self._speed = _FIRST_GUESS

    async def embed(self, pieces: Sequence[Piece]) -> Vectors:
        """Float32 `[pieces, width]`, in order. Cancelling it gives up the pieces that still wait.

        Raises:
            Refused: too much waits already, with `Retry-After`.
            TidemarkError: the model failed.
        """
        tokens = sum(piece.tokens for piece in pieces)
        self._admit(tokens)
        work = Work.of(pieces, self.model.width)
        lane = self._lanes[len(pieces) == 1]
        self._tokens += tokens
        self._requests += 1
        try:
            with self._taking:
                lane.works.append(work)
                if lane.running is None:
                    lane.running = asyncio.create_task(self._run(lane))
            await work.done
        finally:
            self._tokens -= tokens
            self._requests -= 1
            self._give_up(work, lane)
        return work.vectors

    def _admit(self, tokens: int) -> None:
        # Whoever comes to an empty queue is let in, or the greatest request never would be.
        full = self._requests and self._tokens + tokens > self.most_tokens
        if not full and self._requests < self.most_requests:
            return
        wait = min(_LONGEST_WAIT, max(1, math.ceil(self._tokens / self._speed)))
        raise Refused(
            f"The embedding model has more to do than it can hold. Try again in {wait} s.",
            status=503,
            kind=OVERLOADED,
            code="server_is_overloaded",
            headers={"retry-after": str(wait)},
        )

    async def _run(self, lane: Lane) -> None:
        loop = asyncio.get_running_loop()
        try:
            await to_thread.run_sync(self._batches, lane, loop, limiter=lane.thread)
        finally:
            with self._taking:
                if lane.running is asyncio.current_task():  # the thread failed
                    lane.running = None

    def _batches(self, lane: Lane, loop: asyncio.AbstractEventLoop) -> None:
        """Embed batch after batch until nothing waits, on a thread."""
        while True:
            with self._taking:
                if not lane.works:
                    lane.running = None
                    return
                parts = lane.batch(self.model.batch_tokens)
            self._embed(parts, lane, loop)

    def _embed(self, parts: list[Part], lane: Lane, loop: asyncio.AbstractEventLoop) -> None:
        contents = [part.piece.content for part in parts]
        began = time.perf_counter()
        try:
            if lane.at_once and len(parts) == 1:
                vectors = self.model.one(contents[0])
            else:
                vectors = self.model.many(contents)
            for part, vector in zip(parts, vectors, strict=True):
                part.work.vectors[part.row] = vector
        except Exception as failed:  # noqa: BLE001 - it is raised where the work is waited for
            self._fail(parts, failed, lane, loop)
            return
        for part in parts:
            part.work.left -= 1
            if not part.work.left:
                loop.call_soon_threadsafe(_end, part.work, None)
        speed = sum(part.piece.tokens for part in parts) / (time.perf_counter() - began)
        self._speed += (speed - self._speed) / 8

    def _fail(
        self, parts: list[Part], failed: Exception, lane: Lane, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Tell the one request that was in the batch, or find out which of several was to blame."""
        works = {part.work for part in parts}
        if len(works) == 1:
            (work,) = works
            self._give_up(work, lane)
            loop.call_soon_threadsafe(_end, work, failed)
            return
        for work in works:
            self._embed([part for part in parts if part.work is work], lane, loop)

    def _give_up(self, work: Work, lane: Lane) -> None:
        """Let what still waits of a request wait no more."""
        with self._taking:
            if work in lane.works:
                lane.works.remove(work)


def _end(work: Work, failed: Exception | None) -> None:
    """Tell whoever waits for it, unless they have gone; on the event loop."""
    if work.done.done():
        return
    if failed is None:
        work.done.set_result(None)
    else:
        work.done.set_exception(failed)
