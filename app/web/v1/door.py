"""The way in to `/v1`: its addresses as clients write them, its checks, its headers."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.limits import Left, Standing
from app.telemetry import REQUEST_ID
from app.web.security import SameSiteOnly, SecurityHeaders
from app.web.v1.errors import Refused

_VERSION = "/v1"
_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "*, Authorization",
    "access-control-max-age": "600",
}
_BARE = re.compile(r"/(embeddings|rerank|completions|chat/completions|responses|models(/.+)?)")
"""Paths that mean `/v1` although they leave it out, as base URLs without it make them."""


@dataclass(frozen=True)
class Door:
    """Sends what is meant for the OpenAI-compatible API to `inner`, and the rest to `app`.

    It stands before everything else: the size of bodies and the shape of refusals are other here.
    Addresses are mended rather than redirected, for clients lose the body or the key on the way.
    """

    app: ASGIApp
    inner: ASGIApp
    host: str
    public_url: str | None = None
    origins: frozenset[str] = frozenset()
    """Web pages that may call from a browser."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = canonical(scope["path"]) if scope["type"] == "http" else None
        if path is None:
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        identifier = REQUEST_ID.get() or f"req_{uuid4().hex}"
        origin = Headers(scope=scope).get("origin", "")
        state: dict[str, Any] = dict(scope.get("state") or {})  # the request's own

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = identifier
                elapsed = 1000 * (time.perf_counter() - began)
                headers["openai-processing-ms"] = str(round(elapsed))
                for name, value in _standing(state.get("standing")):
                    headers[name] = value
                if origin in self.origins:
                    headers["access-control-allow-origin"] = origin
                    headers["access-control-expose-headers"] = "*"
                    headers["vary"] = "origin"
            await send(message)

        guarded = SecurityHeaders(self._checked)
        inside = {**scope, "path": path, "raw_path": None, "state": state}
        try:
            await guarded(inside, receive, named)
        finally:
            scope["endpoint"] = inside.get("endpoint")  # which is told of outside

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if headers.get("origin") in self.origins:
            if scope["method"] == "OPTIONS":  # a browser's question before the request
                await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send)
                return
            refusal = SameSiteOnly(self.inner, self.host, self.public_url).host_refusal(headers)
        else:
            # A page elsewhere may not even read: what it may show, its visitors may show to others.
            refusal = SameSiteOnly(self.inner, self.host, self.public_url).refusal("POST", headers)
        if refusal is None:
            await self.inner(scope, receive, send)
            return
        message = f"{refusal.message} {refusal.remedy}"
        reply = Refused(message, status=403, code="origin_not_allowed").reply()
        await reply(scope, receive, send)


def _standing(standing: Standing | None) -> Iterator[tuple[str, str]]:
    """Where the caller stands, as OpenAI's headers tell it."""
    for kind in ("requests", "tokens"):
        left: Left | None = getattr(standing, kind, None)
        if left is not None:
            yield f"x-ratelimit-limit-{kind}", str(left.limit)
            yield f"x-ratelimit-remaining-{kind}", str(left.remaining)
            yield f"x-ratelimit-reset-{kind}", duration(left.reset)


def duration(seconds: float) -> str:
    """A stretch of time as Go writes it: `120ms`, `1s`, `6m0s`."""
    if seconds < 1:
        return f"{max(0, round(1000 * seconds))}ms"
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def canonical(path: str) -> str | None:
    """The path under `/v1` that is meant, with single slashes and none at its end; None if none."""
    single = re.sub("/{2,}", "/", path)
    if len(single) > 1:
        single = single.rstrip("/")
    if single == _VERSION or single.startswith(f"{_VERSION}/"):
        return single
    return _VERSION + single if _BARE.fullmatch(single) else None
