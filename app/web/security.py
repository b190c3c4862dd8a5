"""What every request passes first: its host, origin and size; and the headers of each reply."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import DocumentTooLarge, ForbiddenRequest, TidemarkError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LARGEST_TEXT = 2_000_000  # bytes of a body that is not an upload
LOOPBACK_NAMES = frozenset({"localhost", "testserver"})

HEADERS = {
    # No script, style, font, image or frame from anywhere else; none inside the page either.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'self'; manifest-src 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class SecurityHeaders:
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


@dataclass(frozen=True)
class SameSiteOnly:
    """Keeps pages of the web from reaching a Tidemark on this machine.

    On loopback the `Host` must be a loopback name, which DNS rebinding cannot give; and a request
    that changes something must not come from another site's page.
    """

    app: ASGIApp
    host: str
    public_url: str | None = None
    """The address that a proxy before Tidemark serves it at."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self.refusal(scope["method"], Headers(scope=scope))
            if refusal is not None:
                await _refuse(refusal, scope, receive, send)
                return
        await self.app(scope, receive, send)

    def refusal(self, method: str, headers: Headers) -> TidemarkError | None:
        """Why a request may not pass, if it may not."""
        refusal = self.host_refusal(headers)
        if refusal is not None or method in SAFE_METHODS:
            return refusal
        asked_for, origin = headers.get("host", ""), headers.get("origin")
        foreign = origin not in {None, self.public_url} and urlsplit(origin).netloc != asked_for
        if foreign or headers.get("sec-fetch-site", "same-origin") in {"cross-site", "same-site"}:
            return ForbiddenRequest("A page of another site may not change anything here.")
        return None

    def host_refusal(self, headers: Headers) -> TidemarkError | None:
        """Why a request by this `Host` may not pass: a name that was bound to this machine."""
        asked_for = headers.get("host", "")
        if self.public_url is not None and asked_for == urlsplit(self.public_url).netloc:
            return None
        if _is_loopback(self.host) and not _is_loopback(_name(asked_for)):
            return ForbiddenRequest(f"This Tidemark does not answer as {asked_for[:100]!r}.")
        return None


@dataclass(frozen=True)
class BodyLimit:
    """Refuses bodies over `max_bytes` unread, and cuts off those that lie about it."""

    app: ASGIApp
    max_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        upload = headers.get("content-type", "").startswith("multipart/form-data")
        most = self.max_bytes if upload else LARGEST_TEXT
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > most:
            await _refuse(_too_large(most), scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise _too_large(most)
            return message

        await self.app(scope, counted, send)


def _too_large(most: int) -> DocumentTooLarge:
    return DocumentTooLarge(
        f"The request is larger than {most // 1_000_000} MB.",
        remedy="Send less at once; only files may be large.",
    )


async def _refuse(error: TidemarkError, scope: Scope, receive: Receive, send: Send) -> None:
    body = {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
    await JSONResponse(body, status_code=error.status_code)(scope, receive, send)


def _name(host: str) -> str:
    """The name in a `Host` header, without its port and the brackets of IPv6."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
