"""The HTTP server, which ends what is open when it stops."""

from __future__ import annotations

import socket
from typing import cast

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.config import Settings
from app.errors import HeadersTooLong
from app.web.errors import error_body

IDLE = 75  # seconds; clients let go of an idle connection sooner, so none ends under a request
LONGEST_ADDRESS = 2_000_000  # bytes; of a question that is too long, the application says so
LONGEST_HEADERS = 131_072  # bytes of all headers of a request, which are kept until it is over
LONGEST_PARSED = 65_535  # bytes of an address that httptools takes apart
TOO_LONG = "The request's address or its headers are too long."


def config_of(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """uvicorn's own settings, which reads none from the environment."""
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.proxies,
    )


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's own protocol, which by itself takes headers without end, and no long address.

    Where a query is too long, the application is to say so, in words.
    """

    url = b""
    _head: int | None = 0
    """Bytes so far of what comes before a body; None while a body comes."""

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        if self._head is None or self.transport.is_closing():
            return
        if self._is_too_long(self._head - len(self.url)):  # already, though it has not ended
            self.send_400_response(TOO_LONG)

    def on_message_begin(self) -> None:
        self._head = self._head or 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        app = self.app
        if self._is_too_long(sum(len(name) + len(value) for name, value in self.headers)):
            self.app = _refuse
        address, _, query = self.url.partition(b"?")
        if len(self.url) <= LONGEST_PARSED:
            super().on_headers_complete()
        else:
            self.url = address
            super().on_headers_complete()
            # The request begins only once this callback is over.
            self.scope["query_string"] = query.partition(b"#")[0]
        self.app = app

    def _is_too_long(self, headers: int) -> bool:
        return headers > LONGEST_HEADERS or len(self.url) > LONGEST_ADDRESS


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers in the place of the application."""
    error = HeadersTooLong(TOO_LONG)
    await JSONResponse(error_body(error), error.status_code)(scope, receive, send)


class Server(uvicorn.Server):
    """uvicorn waits for open connections before the application hears of the stop.

    An event stream is open for as long as a page is, so it has to be told first.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        config.http = BoundedHeads
        config.timeout_keep_alive = IDLE
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cast("FastAPI", self.config.app).state.job_feeds.close()
        await super().shutdown(sockets)
