"""Whatever cannot be used gets a clear error, in one shape, and nothing is lost or half-stored."""

from __future__ import annotations

import json
import re
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
import pytest

from app.config import load_settings
from app.main import create_app
from tests.integration.parts import MortalWorker, SearchableBase, Uploader, check
from tests.routes import registered
from tests.waiting import PATIENCE

UNKNOWN = {
    "name": "nowhere",
    "document_id": "999999999",
    "deleted_id": "999999999",
    "job_id": "999999999",
    "index_id": "999999999",
    "question_id": "999999999",
    "evaluation_id": "999999999",
    "search_id": "999999999",
    "conversation_id": "999999999",
    "turn_id": "999999999",
}
JSON = {"content-type": "application/json"}


def api_routes() -> list[tuple[str, str]]:
    """(method, path) of every endpoint of the API, as the OpenAPI document lists them."""
    paths = create_app(load_settings(), worker=False).openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


ROUTES = api_routes()
WITH_IDS = [(method, path) for method, path in ROUTES if "{" in path]


def call(http: httpx.Client, method: str, path: str, values: dict[str, str]) -> httpx.Response:
    """Call a route with everything that it requires, and `values` in its path."""
    address = re.sub(r"{(\w+)}", lambda m: values[m[1]], path)
    if path.endswith("/documents") and method == "POST":
        return http.post(address, files={"files": ("a.md", b"Text.")})
    if method == "PATCH":
        return http.patch(address, json={"title": "a", "name": "a"})
    if method == "POST":
        body = {"name": "a", "question": "When?", "document_id": 1, "quote": "Then."}
        return http.post(address, json=body)
    if method == "PUT":
        return http.put(address, json={})
    return http.request(method, address, params={"q": "when", "about": "1"})


def test_the_route_table_is_what_the_errors_are_tried_on() -> None:
    app = create_app(load_settings(), worker=False)
    described = {path for _, path in ROUTES}
    known = {route.path for route in registered(app) if route.path.startswith("/api/")}
    assert known <= described
    assert "/api/knowledge-bases" in known


@pytest.mark.parametrize(("method", "path"), WITH_IDS)
def test_every_route_says_that_what_it_is_asked_for_is_not_there(
    http: httpx.Client, method: str, path: str
) -> None:
    check(call(http, method, path, UNKNOWN), 404)


@pytest.mark.parametrize("number", ["0", "-1", str(2**53), str(2**70), "abc", "1.5", "%00"])
@pytest.mark.parametrize(("method", "path"), [r for r in WITH_IDS if "_id}" in r[1]])
def test_an_impossible_number_is_refused_by_every_route(
    http: httpx.Client, knowledge_base: SearchableBase, method: str, path: str, number: str
) -> None:
    values = {**dict.fromkeys(UNKNOWN, number), "name": knowledge_base.base.name}
    check(call(http, method, path, values), 422, "invalid_request")


@pytest.mark.parametrize("name", ["%00", "%ED%A0%80", "Ünknown", "..", "a%20b", "x" * 5000])
def test_an_impossible_name_is_not_there_or_refused(http: httpx.Client, name: str) -> None:
    reply = http.get(f"/api/knowledge-bases/{name}/documents")
    check(reply, 422 if name == "%ED%A0%80" else 404)


@pytest.mark.parametrize(
    "name", ["", "Handbook", "a b", "../x", "-a", "x" * 65, "a\u0000", "\ud800", None, 7, ["a"]]
)
def test_a_knowledge_base_cannot_have_an_impossible_name(http: httpx.Client, name: object) -> None:
    body = json.dumps({"name": name})
    check(http.post("/api/knowledge-bases", content=body, headers=JSON), 422)


def test_a_name_that_is_taken_is_refused(
    http: httpx.Client, knowledge_base: SearchableBase
) -> None:
    reply = http.post("/api/knowledge-bases", json={"name": knowledge_base.base.name})
    check(reply, 409, "knowledge_base_exists")


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        (b"{", "application/json", "not JSON"),
        (b"", "application/json", "required"),
        (b"[]", "application/json", "The body"),
        (b'"\xff"', "application/json", "body"),
        (b'{"name": "a"}', "text/plain", "text/plain"),
        (b'{"name": "a"}', "", "no type"),
        (b'{"nome": "a"}', "application/json", "name: field required"),
        (b"[" * 100_000, "application/json", "body"),
        (b'{"name": ' + b"9" * 5000 + b"}", "application/json", ""),
    ],
)
def test_a_body_that_cannot_be_used_is_told_of(
    http: httpx.Client, body: bytes, kind: str, told: str
) -> None:
    headers = {"content-type": kind} if kind else {}
    message = check(http.post("/api/knowledge-bases", content=body, headers=headers), 422)
    assert told in message


def test_nothing_at_an_address_and_a_wrong_method_have_the_shape_too(http: httpx.Client) -> None:
    check(http.get("/api/nothing"), 404, "page_not_found")
    check(http.get("/nothing"), 404, "page_not_found")
    reply = http.put("/api/knowledge-bases")
    check(reply, 405, "method_not_allowed")
    assert set(reply.headers["allow"].split(", ")) <= {"GET", "POST"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "q: field required"),
        ("q=", "empty"),
        ("q=%20%09", "empty"),
        ("q=" + "a" * 8001, "8,001 characters"),
        ("q=a&top_k=-1", "top_k cannot be -1"),
        ("q=a&top_k=0", "top_k cannot be 0"),
        ("q=a&top_k=201", "top_k cannot be 201"),
        ("q=a&top_k=abc", "top_k:"),
        ("q=a&top_k=", "top_k:"),
        ("q=a%00b", "NUL"),
        ("q=%ED%A0%80", "UTF-8"),
        ("q=%FF", "UTF-8"),
        ("q=a&document=0", "document"),
        ("q=a&document=abc", "document"),
    ],
)
def test_a_search_that_cannot_be_made_is_told_of(
    http: httpx.Client, knowledge_base: SearchableBase, query: str, told: str
) -> None:
    reply = http.get(f"/api/knowledge-bases/{knowledge_base.base.name}/search?{query}")
    assert told in check(reply, 422, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"question": ""}',
        b'{"question": "%s"}' % (b"a" * 100_000),
        b'{"question": "a\\u0000b"}',
        b'{"question": "\\ud800"}',
        b'{"question": "a", "top_k": -1}',
        b'{"question": "a", "top_k": "abc"}',
        b'{"question": "a", "documents": [0]}',
        b'{"question": 7}',
    ],
)
@pytest.mark.parametrize("accepted", ["application/json", "text/event-stream"])
def test_a_question_that_cannot_be_asked_is_told_of(
    http: httpx.Client, knowledge_base: SearchableBase, body: bytes, accepted: str
) -> None:
    reply = http.post(
        f"/api/knowledge-bases/{knowledge_base.base.name}/answers",
        content=body,
        headers={**JSON, "accept": accepted},
    )
    check(reply, 422, "invalid_request")


@pytest.mark.parametrize("letter", ["a", "%F0%9F%8C%8A"])
def test_a_query_of_100_000_characters_is_told_of(
    address: str, knowledge_base: SearchableBase, letter: str
) -> None:
    where = urlsplit(address)
    # The client of the other tests is not willing to write so long an address.
    connection = HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)
    path = f"/api/knowledge-bases/{knowledge_base.base.name}/search?q={letter * 100_000}"
    with closing(connection):
        connection.request("GET", path)
        reply = connection.getresponse()
        told = httpx.Response(reply.status, headers=dict(reply.headers), content=reply.read())
    assert "100,000 characters" in check(told, 422, "invalid_request")


def test_a_filter_by_an_unknown_document_or_another_bases_is_not_there(
    http: httpx.Client, knowledge_base: SearchableBase, uploader: Uploader, worker: MortalWorker
) -> None:
    uploader.upload("guide.md", "The tide turns at noon.")
    worker.drain()
    other = knowledge_base.services.knowledge_bases.create(f"{knowledge_base.base.name}-other")
    theirs = Uploader(knowledge_base.services, other).upload("theirs.md", "Ships leave.")
    for document in (999_999_999, theirs.document_id):
        path = f"/api/knowledge-bases/{knowledge_base.base.name}"
        found = http.get(f"{path}/search", params={"q": "tide", "document": document})
        check(found, 404, "document_not_found")
        body = {"question": "tide?", "documents": [document]}
        check(http.post(f"{path}/answers", json=body), 404, "document_not_found")


@pytest.mark.parametrize("paging", ["offset=-1", "limit=0", "limit=1001", "limit=abc"])
def test_a_page_of_documents_that_cannot_be_is_told_of(
    http: httpx.Client, knowledge_base: SearchableBase, paging: str
) -> None:
    reply = http.get(f"/api/knowledge-bases/{knowledge_base.base.name}/documents?{paging}")
    check(reply, 422, "invalid_request")


def test_another_sites_page_may_change_nothing(http: httpx.Client) -> None:
    reply = http.post(
        "/api/knowledge-bases", json={"name": "a"}, headers={"origin": "https://evil.example"}
    )
    check(reply, 403, "forbidden_request")


def test_a_name_that_was_rebound_to_this_machine_gets_nothing(http: httpx.Client) -> None:
    reply = http.get("/api/knowledge-bases", headers={"host": "evil.example"})
    check(reply, 403, "forbidden_request")


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused(http: httpx.Client, *, announced: bool) -> None:
    body = b'{"name": "%s"}' % (b"a" * 3_000_000)

    def pieces() -> object:
        yield from (body[i : i + 65536] for i in range(0, len(body), 65536))

    content = body if announced else pieces()
    reply = http.post("/api/knowledge-bases", content=content, headers=JSON)  # type: ignore[arg-type]
    check(reply, 413, "document_too_large")


def test_a_browser_gets_a_page_and_a_program_gets_json(http: httpx.Client) -> None:
    page = http.get("/nothing", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    check(http.get("/api/nothing", headers={"accept": "text/html"}), 404)
