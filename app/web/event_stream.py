"""Server-sent events, as the HTML standard's section 9.2 has them."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import StreamingResponse

EVENT_STREAM = "text/event-stream"
COMMENT = ": still here\n\n"
"""Keeps a connection open on which nothing happens."""
RETRY = 1000  # milliseconds before a browser connects again


class EventStream(StreamingResponse):
    """A reply of events, which nothing on the way is to keep, pack or hold back."""

    media_type = EVENT_STREAM

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        kept = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
        super().init_headers({**kept, **(headers or {})})


def event(name: str, data: str, identifier: str | None = None) -> str:
    """One event; `data` may have several lines, `name` and `identifier` one."""
    lines = [f"event: {name}", *(f"data: {line}" for line in data.split("\n"))]
    if identifier is not None:
        lines = [f"id: {identifier}", f"retry: {RETRY}", *lines]
    return "\n".join(lines) + "\n\n"
