"""The HTTP server, which ends what is open when it stops."""

from __future__ import annotations

import socket
from typing import cast

import uvicorn
from fastapi import FastAPI

from app.config import Settings

IDLE = 75  # seconds; clients let go of an idle connection sooner, so none ends under a request
LONGEST_HEAD = 2_000_000  # bytes of a request's address and headers


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


class Server(uvicorn.Server):
    """uvicorn waits for open connections before the application hears of the stop.

    An event stream is open for as long as a page is, so it has to be told first.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        # By itself it answers a long question in an address in words of its own, cut off.
        config.h11_max_incomplete_event_size = LONGEST_HEAD
        config.timeout_keep_alive = IDLE
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cast("FastAPI", self.config.app).state.job_feeds.close()
        await super().shutdown(sockets)
