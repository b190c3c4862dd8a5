"""The HTTP server, which ends what is open when it stops."""

from __future__ import annotations

import socket
from typing import cast

import uvicorn
from fastapi import FastAPI


class Server(uvicorn.Server):
    """uvicorn waits for open connections before the application hears of the stop.

    An event stream is open for as long as a page is, so it has to be told first.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cast("FastAPI", self.config.app).state.job_feeds.close()
        await super().shutdown(sockets)
