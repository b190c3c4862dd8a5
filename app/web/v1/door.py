"""The way in to `/v1`: its addresses as clients write them, its checks, its headers."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.security import SameSiteOnly, SecurityHeaders
from app.web.v1.errors import Refused

_VERSION = "/v1"
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = canonical(scope["path"]) if scope["type"] == "http" else None
        if path is None:
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        identifier = f"req_{uuid4().hex}"

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = identifier
                elapsed = 1000 * (time.perf_counter() - began)
                headers["openai-processing-ms"] = str(round(elapsed))
            await send(message)

        guarded = SecurityHeaders(self._checked)
        await guarded({**scope, "path": path, "raw_path": None}, receive, named)

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        same_site = SameSiteOnly(self.inner, self.host)
        refusal = same_site.refusal(scope["method"], Headers(scope=scope))
        if refusal is None:
            await self.inner(scope, receive, send)
            return
        message = f"{refusal.message} {refusal.remedy}"
        reply = Refused(message, status=403, code="origin_not_allowed").reply()
        await reply(scope, receive, send)


def canonical(path: str) -> str | None:
    """The path under `/v1` that is meant, with single slashes and none at its end; None if none."""
    single = re.sub("/{2,}", "/", path)
    if len(single) > 1:
        single = single.rstrip("/")
    if single == _VERSION or single.startswith(f"{_VERSION}/"):
        return single
    return _VERSION + single if _BARE.fullmatch(single) else None
