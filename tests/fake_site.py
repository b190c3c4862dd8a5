"""A web site over real HTTP on this machine, with the habits of good and of bad ones."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.ingestion.fetching import Fetcher

HOST = "harbour.test"
"""The site's name, which only the fetchers of `fetcher` know."""
PAGE = b"""<!doctype html><html><head><title>Tides</title></head><body>
<nav><a href="/">Home</a> <a href="/shop">Shop</a></nav>
<main><h1>Tides</h1><p>The tide turns at noon.</p></main><footer>Imprint</footer></body></html>"""


@dataclass
class FakeSite:
    """Pages by path, each with its `ETag`; `moved` leads from one address to another."""

    pages: dict[str, bytes] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    packed: set[str] = field(default_factory=set)
    types: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [path for path, _ in self.requests]

    def fetcher(self, **changed: object) -> Fetcher:
        """A fetcher to which the site's name is this machine's, and allowed."""
        given = {
            "max_megabytes": 1,
            "private_hosts": frozenset({HOST}),
            "resolve": lambda _host, _port: ["127.0.0.1"],
        }
        return Fetcher(**(given | changed))  # type: ignore[arg-type]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path
        self.requests.append((path, {k.lower(): v for k, v in handler.headers.items()}))
        if path in self.moved:
            handler.send_response(302)
            handler.send_header("location", self.moved[path])
            handler.send_header("content-length", "0")
            handler.end_headers()
            return
        content = self.pages.get(path)
        status = self.statuses.get(path, 404 if content is None else 200)
        etag = f'"{hash(content)}"'
        if status == 200 and handler.headers.get("if-none-match") == etag:
            status, content = 304, b""
        body = gzip.compress(content or b"") if path in self.packed else content or b""
        handler.send_response(status)
        handler.send_header("etag", etag)
        if path in self.types:
            handler.send_header("content-type", self.types[path])
        if path in self.packed:
            handler.send_header("content-encoding", "gzip")
        if status != 304:
            handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        for number in range(len(body) if path in self.slow else 0):
            handler.wfile.write(body[number : number + 1])
            handler.wfile.flush()
            if self.stopping.wait(0.05):
                return
        if path not in self.slow and status != 304:
            handler.wfile.write(body)


@contextmanager
def website() -> Iterator[FakeSite]:
    site = FakeSite()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                site.answer(self)
            except (BrokenPipeError, ConnectionResetError):
                time.sleep(0)  # the fetcher has had enough

        def log_message(self, *_: object) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
