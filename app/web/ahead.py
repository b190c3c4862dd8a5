"""What a thread makes, one thing after the other, for a task that passes it on."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

AT_ONCE = 64
"""Answers that are made at once for those who wait for them; more wait their turn."""

T = TypeVar("T")

_threads: RunVar[CapacityLimiter] = RunVar("_threads")


def answering_threads() -> CapacityLimiter:
    """The threads that make answers: none of those that serve pages, which wait for nobody."""
    try:
        return _threads.get()
    except LookupError:
        _threads.set(limiter := CapacityLimiter(AT_ONCE))
        return limiter


async def made_ahead(things: Generator[T, None, None]) -> AsyncGenerator[list[T], None]:
    """The things, as soon as they are made: those that came meanwhile together, never none.

    They are made in a thread that waits for nobody, so that a model is asked while the things
    before it are still passed on. Closing this closes `things` after the one at hand.
    """
    loop, moved, left = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    made = deque[T]()

    def make() -> None:
        try:
            for thing in things:
                made.append(thing)
                if len(made) == 1:  # else the task has been woken, and not looked yet
                    loop.call_soon_threadsafe(moved.set)
                if left.is_set():
                    return
        finally:
            things.close()

    def ended(making: asyncio.Task[None]) -> None:
        moved.set()
        if not making.cancelled():
            making.exception()  # raised below, unless nobody listens any more

    making = asyncio.create_task(to_thread.run_sync(make, limiter=answering_threads()))
    making.add_done_callback(ended)
    try:
        while True:
            await moved.wait()
            moved.clear()
            over = making.done()
            if batch := list(_taken(made)):
                yield batch
            if over:
                break
        await making
    finally:
        left.set()


def _taken(made: deque[T]) -> Iterator[T]:
    while made:  # looked at anew each time: what comes meanwhile wakes nobody
        yield made.popleft()
