"""What a thread makes ahead of a task: in order, together where it came meanwhile, never lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import aclosing

import pytest

from app.web.ahead import AT_ONCE, made_ahead
from tests.tasks import finished


def test_all_that_is_made_comes_in_its_order_and_what_came_meanwhile_together() -> None:
    async def heard() -> list[list[int]]:
        whole = threading.Event()

        def numbers() -> Generator[int, None, None]:
            yield 0
            yield from range(1, 5000)
            whole.set()

        batches = list[list[int]]()
        async with aclosing(made_ahead(numbers())) as ahead:
            async for batch in ahead:
                batches.append(batch)
                await asyncio.to_thread(whole.wait, 60)
        return batches

    batches = finished(heard())
    assert [number for batch in batches for number in batch] == list(range(5000))
    assert all(batches)
    assert len(batches) < 5


def test_what_fails_is_raised_after_what_was_made_before() -> None:
    async def heard(numbers: list[int]) -> None:
        def failing() -> Generator[int, None, None]:
            yield 1
            raise RuntimeError("It broke off.")

        async for batch in made_ahead(failing()):
            numbers += batch

    numbers = list[int]()
    with pytest.raises(RuntimeError, match="broke off"):
        finished(heard(numbers))
    assert numbers == [1]


def test_who_leaves_closes_what_makes() -> None:
    closed = threading.Event()

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    async def leave() -> bool:
        async with aclosing(made_ahead(endless())) as ahead:
            await anext(ahead)
        return await asyncio.to_thread(closed.wait, 60)

    assert finished(leave())


def test_more_streams_than_there_are_threads_for_pages_are_made_at_once() -> None:
    pages = 40  # anyio's default
    all_begun = threading.Barrier(pages + 10)

    def one() -> Generator[str, None, None]:
        all_begun.wait(60)
        yield "begun"

    async def heard() -> list[list[str]]:
        async def first() -> list[str]:
            return [thing async for batch in made_ahead(one()) for thing in batch]

        return await asyncio.gather(*(first() for _ in range(all_begun.parties)))

    assert all_begun.parties <= AT_ONCE
    assert finished(heard()) == [["begun"]] * all_begun.parties
