"""The contract's table of errors, a row a case: status, type, param, code, and all four keys."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.services import Services
from tests.fakes import WatchedEmbedder
from tests.integration.v1 import MODEL

INVALID = "invalid_request_error"
CHAT = "/v1/chat/completions"
EMBED = "/v1/embeddings"

INPUTS: list[Any] = [
    None,
    7,
    True,
    {"text": "a"},
    [],
    [[]],
    [[1], []],
    ["a", 1],
    [1, "a"],
    ["a", [1]],
    [[1], "a"],
    [[1], 2],
    [1, [2]],
    "",
    ["a", ""],
    [-1],
    [1.5],
    [1.0],
    [True],
    [[1, False]],
    [[[1]]],
    [None],
    [100_261],
    [[99_999_999_999_999]],
]

ROWS: list[tuple[str, Any, int, str, str | None, str | None]] = [
    *((EMBED, {"model": MODEL, "input": bad}, 400, INVALID, "input", None) for bad in INPUTS),
    (EMBED, {"model": MODEL}, 400, INVALID, "input", None),
    (EMBED, {"input": "a"}, 400, INVALID, "model", None),
    (EMBED, {"model": None, "input": "a"}, 400, INVALID, "model", None),
    (EMBED, {"model": "", "input": "a"}, 400, INVALID, "model", None),
    (EMBED, {"model": 7, "input": "a"}, 400, INVALID, "model", None),
    (EMBED, {"model": "gpt", "input": "a"}, 404, INVALID, "model", "model_not_found"),
    (EMBED, {"model": "tidemark/x", "input": "a"}, 404, INVALID, "model", "model_not_found"),
    (
        EMBED,
        {"model": MODEL, "input": ["a"] * 2049},
        400,
        INVALID,
        "input",
        "array_above_max_length",
    ),
    (
        EMBED,
        {"model": MODEL, "input": [[1]] * 2049},
        400,
        INVALID,
        "input",
        "array_above_max_length",
    ),
    (
        EMBED,
        {"model": MODEL, "input": ["a", "a " * 8193]},
        400,
        INVALID,
        "input",
        "context_length_exceeded",
    ),
    (
        EMBED,
        {"model": MODEL, "input": ["tide " * 8000] * 38},
        400,
        "max_tokens_per_request",
        None,
        "max_tokens_per_request",
    ),
    *(
        (EMBED, {"model": MODEL, "input": "a", "encoding_format": bad}, 400, INVALID, param, None)
        for bad, param in [("int8", "encoding_format"), (1, "encoding_format")]
    ),
    *(
        (EMBED, {"model": MODEL, "input": "a", "dimensions": bad}, 400, INVALID, "dimensions", None)
        for bad in (0, -1, 256, 385, 1.5, "384", True)
    ),
    *(
        (CHAT, {"model": "tidemark/default", "messages": bad}, 400, INVALID, "messages", None)
        for bad in (
            None,
            [],
            "tide?",
            {},
            ["tide?"],
            [{}],
            [{"role": "user"}],
            [{"role": "user", "content": 7}],
            [{"role": "user", "content": "  "}],
            [{"role": ["user"], "content": "tide?"}],
            [{"role": "pirate", "content": "tide?"}],
            [{"role": "system", "content": "be brief"}],
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
            [{"role": "user", "content": "tide " * 2000}],
        )
    ),
    (CHAT, {"messages": [{"role": "user", "content": "a"}]}, 400, INVALID, "model", None),
    *(
        (
            CHAT,
            {"model": name, "messages": [{"role": "user", "content": "a"}]},
            404,
            INVALID,
            "model",
            "model_not_found",
        )
        for name in ("tidemark/none", "tidemark/", MODEL, "gpt")
    ),
    (
        CHAT,
        {"model": "x", "messages": [{"role": "user", "content": "a"}], "stream": "yes"},
        400,
        INVALID,
        "stream",
        None,
    ),
    (EMBED, ["a"], 400, INVALID, None, None),
    ("/v1/nowhere", {}, 404, INVALID, None, None),
    ("/v1", {}, 404, INVALID, None, None),
    ("/v1/models", {}, 405, INVALID, None, None),
]


def assert_told(
    reply: httpx.Response, status: int, kind: str, param: str | None, code: str | None
) -> None:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == (kind, param, code)
    assert error["message"]


def short(value: Any) -> str:
    return str(value)[:70]


@pytest.fixture(scope="module", autouse=True)
def default(services: Services) -> None:
    services.first_knowledge_base()


@pytest.mark.parametrize(
    ("path", "body", "expected"), [(path, body, rest) for path, body, *rest in ROWS], ids=short
)
def test_a_bad_request_is_told_as_the_contract_has_it_and_embeds_nothing(
    http: httpx.Client, embedder: WatchedEmbedder, path: str, body: Any, expected: list[Any]
) -> None:
    assert_told(http.post(path, json=body), *expected)
    assert embedder.embedded == []


@pytest.mark.parametrize(
    "body",
    [b"", b"  ", b"{", b"model=x", b"\xff\xfe", b'{"model": NaN}', b"[" * 100_000, b"null", b'"a"'],
    ids=short,
)
@pytest.mark.parametrize("path", [EMBED, CHAT])
def test_a_body_that_is_no_json_object_is_told_so(http: httpx.Client, path: str, body: Any) -> None:
    reply = http.post(path, content=body, headers={"content-type": "application/json"})
    assert_told(reply, 400, INVALID, None, None)


def test_a_body_over_the_cap_is_refused_and_one_below_is_read(http: httpx.Client) -> None:
    body = {"model": MODEL, "input": "a", "user": "x" * 16 * 1024**2}
    assert_told(http.post(EMBED, json=body), 413, INVALID, None, None)
    body["user"] = "x" * 15 * 1024**2
    assert http.post(EMBED, json=body).status_code == 200


def test_a_bad_encoding_format_is_told_the_good_ones(http: httpx.Client) -> None:
    body = {"model": MODEL, "input": "a", "encoding_format": "int8"}
    message = http.post(EMBED, json=body).json()["error"]["message"]
    assert "'float'" in message
    assert "'base64'" in message


def test_the_wrong_method_is_told_the_right_one(http: httpx.Client) -> None:
    reply = http.get(EMBED)
    assert_told(reply, 405, INVALID, None, None)
    assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}],
    ids=str,
)
def test_a_page_of_another_site_is_refused(http: httpx.Client, headers: dict[str, str]) -> None:
    reply = http.post(EMBED, json={"model": MODEL, "input": "a"}, headers=headers)
    assert_told(reply, 403, INVALID, None, "origin_not_allowed")


def test_a_host_that_is_not_this_machine_is_refused(http: httpx.Client) -> None:
    reply = http.get("/v1/models", headers={"host": "elsewhere.example"})
    assert_told(reply, 403, INVALID, None, "origin_not_allowed")


def test_a_lone_surrogate_in_a_text_is_embedded_and_in_a_name_is_told(http: httpx.Client) -> None:
    body = b'{"model": "all-MiniLM-L6-v2", "input": "tide \\ud83c"}'
    assert http.post(EMBED, content=body).status_code == 200
    body = b'{"model": "\\ud83c", "input": "tide"}'
    assert_told(http.post(EMBED, content=body), 404, INVALID, "model", "model_not_found")
