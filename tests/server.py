"""The web application, served over real HTTP on a port of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from fastapi import FastAPI

from app.config import Settings
from app.main import create_app
from app.services import Services
from app.web.server import Server
from tests.waiting import PATIENCE, wait_until


def application(settings: Settings, services: Services) -> FastAPI:
    """The application on services that are open already, without a worker."""
    return create_app(settings, services, worker=False)


@contextmanager
def served(app: FastAPI, config: uvicorn.Config | None = None) -> Iterator[str]:
    """Serve `app`, whose services are open, and give its address.

    Fails if the server does not stop in time.
    """
    plain = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False)
    config = config or plain
    config.port = 0
    server = Server(config)
    thread = threading.Thread(target=server.run, name="server", daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "the server did not start")
        assert server.started, "the server ended"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        stopped = not thread.is_alive()
        server.force_exit = True
        thread.join(PATIENCE)
        assert stopped, "the server did not stop"


def client(address: str) -> httpx.Client:
    # Not through a proxy that the environment may name.
    return httpx.Client(base_url=address, timeout=PATIENCE, trust_env=False)
