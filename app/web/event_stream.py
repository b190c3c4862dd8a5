"""Server-sent events, as the HTML standard's section 9.2 has them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

from fastapi import Request
from fastapi.responses import StreamingResponse

from app.web.access import still_admitted

EVENT_STREAM = "text/event-stream"
COMMENT = ": still here\n\n"
"""Keeps a connection open on which nothing happens."""
RETRY = 1000  # milliseconds before a browser connects again
ADMITTED_FOR = 5.0  # seconds until it is asked again whether the reader may be told


class EventStream(StreamingResponse):
    """A reply of events, which nothing on the way is to keep, pack or hold back."""

    media_type = EVENT_STREAM

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        kept = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
        super().init_headers({**kept, **(headers or {})})


async def while_admitted(request: Request, told: AsyncGenerator[str]) -> AsyncIterator[str]:
    """What is told, for as long as the reader may be told it: until they have signed out, say.

    It is asked when there is something to tell, a `COMMENT` included.
    """
    asked = time.monotonic()
    async with aclosing(told):
        async for piece in told:
            if time.monotonic() - asked >= ADMITTED_FOR:
                if not await still_admitted(request):
                    return
                asked = time.monotonic()
            yield piece


def event(name: str, data: str, identifier: str | None = None) -> str:
    """One event; `data` may have several lines, `name` and `identifier` one."""
    lines = [f"event: {name}", *(f"data: {line}" for line in data.split("\n"))]
    if identifier is not None:
        lines = [f"id: {identifier}", f"retry: {RETRY}", *lines]
    return "\n".join(lines) + "\n\n"
