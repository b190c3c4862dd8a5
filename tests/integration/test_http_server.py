"""The HTTP server itself: heads without end, bodies in pieces, addresses as programs write them."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from app.config import Settings
from app.services import Services
from app.web.server import LONGEST_ADDRESS, LONGEST_HEADERS
from tests.server import application, served
from tests.waiting import PATIENCE, wait_until


@pytest.fixture(scope="module")
def place(settings: Settings, services: Services) -> Iterator[tuple[str, int]]:
    with served(application(settings, services)) as address:
        at = urlsplit(address)
        yield str(at.hostname), at.port or 80


@pytest.fixture
def connection(place: tuple[str, int]) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection(*place, timeout=PATIENCE)
    yield made
    made.close()


def status(connection: http.client.HTTPConnection, method: str, path: str, **more: object) -> int:
    connection.request(method, path, **more)  # type: ignore[arg-type]
    with connection.getresponse() as reply:
        reply.read()
        return reply.status


@pytest.mark.parametrize(
    "begun", [b"GET / HTTP/1.1\r\nHost: localhost\r\nx-endless: ", b"GET /?q="]
)
def test_what_comes_before_a_body_is_cut_off_where_it_has_no_end(
    place: tuple[str, int], begun: bytes
) -> None:
    most = 10 * (LONGEST_ADDRESS + LONGEST_HEADERS)
    with socket.create_connection(place, timeout=PATIENCE) as raw:
        raw.sendall(begun)
        sent = 0
        try:
            while sent < most:
                sent += raw.send(b"x" * 65536)
            told = raw.recv(65536)
        except ConnectionError:  # it was closed while we wrote
            told = b"HTTP/1.1 400 "
    assert sent < most
    assert told.startswith(b"HTTP/1.1 400 ")


def test_headers_that_are_too_long_are_refused_in_words(
    connection: http.client.HTTPConnection,
) -> None:
    many = {f"x-{number}": "x" * (LONGEST_HEADERS // 20) for number in range(21)}
    connection.request("GET", "/health/live", headers=many)
    with connection.getresponse() as reply:
        assert reply.status == 431
        error = json.loads(reply.read())["error"]
    assert error["code"] == "headers_too_long"
    assert "too long" in error["message"]
    assert "cookies" in error["remedy"]
    assert status(connection, "GET", "/health/live") == 200  # the connection goes on


def test_only_heads_count_and_each_by_itself(connection: http.client.HTTPConnection) -> None:
    large = {"x-large": "x" * (LONGEST_HEADERS - 1000)}
    for _ in range(3):
        assert status(connection, "GET", "/health/live", headers=large) == 200
    body = b" " * (2 * LONGEST_HEADERS)
    for _ in range(2):
        assert status(connection, "POST", "/v1/embeddings", body=body) == 400  # it is empty
    assert status(connection, "GET", "/health/live", headers=large) == 200


def test_a_body_in_chunks_is_read_whole(connection: http.client.HTTPConnection) -> None:
    pieces = iter([b'{"model": "all-Mini', b'LM-L6-v2", "inp', b'ut": "tide"}'])
    assert status(connection, "POST", "/v1/embeddings", body=pieces, encode_chunked=True,
                  headers={"transfer-encoding": "chunked"}) == 200  # fmt: skip


@pytest.mark.parametrize("path", ["//v1//models", "/v1/models?a=1&a=2", "//models/", "/models"])
def test_addresses_reach_the_api_as_programs_write_them(
    connection: http.client.HTTPConnection, path: str
) -> None:
    assert status(connection, "GET", path) == 200


def test_two_requests_at_once_on_a_connection_are_answered_in_order(
    place: tuple[str, int],
) -> None:
    ask = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(place, timeout=PATIENCE) as raw:
        raw.sendall(ask % b"/v1/models" + ask % b"/v1/nowhere" + ask % b"/health/live")
        told = b""
        while told.count(b"HTTP/1.1 ") < 3 or not told.endswith(b"}"):
            told += raw.recv(65536)
    assert re.findall(rb"HTTP/1\.1 (\d+)", told) == [b"200", b"404", b"200"]


@pytest.mark.parametrize("path", ["/", "/api/knowledge-bases", "/static/style.css", "/health/live"])
def test_a_head_is_answered_as_the_get_without_its_body(
    connection: http.client.HTTPConnection, path: str
) -> None:
    told = []
    for method in ("HEAD", "GET", "HEAD"):  # on one connection, which a body would put out of step
        connection.request(method, path)
        with connection.getresponse() as reply:
            reply.read()
            told.append((reply.status, reply.headers["content-length"]))
    assert told[0] == told[1] == told[2]
    assert told[0][0] == 200
    assert status(connection, "HEAD", "/nothing") == 404


def test_a_head_of_a_stream_of_events_ends_with_its_headers(
    settings: Settings, services: Services
) -> None:
    base = services.knowledge_bases.create("heads").name
    app = application(settings, services)
    with served(app) as address:
        at = urlsplit(address)
        connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=PATIENCE)
        assert status(connection, "HEAD", f"/api/knowledge-bases/{base}/events") == 200
        assert status(connection, "GET", "/health/live") == 200
        feeds = app.state.job_feeds.feeds
        wait_until(
            lambda: not any(feed.listeners for feed in feeds.values()), "somebody still listens"
        )
        connection.close()
