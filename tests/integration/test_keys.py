"""API keys at `/v1`: the contract's refusals, limits and headers, and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import openai
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app.access.keys import KeyLimits, KeyStore, NewKey
from app.access.limits import Holder, RateLimits
from app.access.rights import Scope
from app.cli.program import program
from app.config import Settings
from app.errors import InvalidRequest, RateLimited
from app.services import Services
from tests.integration.v1 import MODEL
from tests.server import application, client, served

EMBED = {"model": MODEL, "input": "When does the tide turn?"}
NEVER = "tm-" + "x" * 43


def key(
    services: Services,
    *scopes: Scope,
    limits: KeyLimits = KeyLimits(),  # noqa: B008 - it is frozen
    bases: frozenset[int] | None = None,
    expires_at: datetime | None = None,
) -> str:
    asked = NewKey("test", frozenset(scopes or Scope), bases, None, expires_at, limits)
    return services.keys.create(asked)[1]


def sent(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def assert_told(reply: httpx.Response, status: int, kind: str, code: str | None) -> str:
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == (kind, None, code)
    assert reply.headers["x-request-id"]
    message: str = error["message"]
    return message


def test_until_a_key_is_made_any_will_do_and_from_then_on_none_but_that(
    settings: Settings, services: Services
) -> None:
    services.database.transaction(lambda s: s.execute(text("DELETE FROM api_keys")) and None)
    with served(application(settings, services)) as address, client(address) as http:
        for headers in ({}, sent("any"), {"x-api-key": "any"}, {"authorization": "Bearer"}):
            assert http.post("/v1/embeddings", json=EMBED, headers=headers).status_code == 200
        secret = key(services, Scope.EMBED)
        for headers in (sent(secret), {"x-api-key": secret}):
            assert http.post("/v1/embeddings", json=EMBED, headers=headers).status_code == 200
        for headers in ({}, {"authorization": "Bearer"}, {"authorization": "Basic abc"}):
            reply = http.post("/v1/embeddings", json=EMBED, headers=headers)
            assert_told(reply, 401, "invalid_request_error", None)
        reply = http.post("/v1/embeddings", json=EMBED, headers=sent(NEVER))
        message = assert_told(reply, 401, "invalid_request_error", "invalid_api_key")
        assert NEVER not in message
        assert "tm-xxxx…" in message
        # The pages of this machine go on as they did; what shows a wrong key there is refused too.
        assert http.get("/api/knowledge-bases").status_code == 200
        assert http.get("/api/knowledge-bases", headers=sent(NEVER)).status_code == 401


@pytest.fixture(scope="module")
def keyed(services: Services) -> Services:
    """The services of a Tidemark that has a key."""
    key(services)
    return services


def test_a_key_without_the_scope_is_told_so(http: httpx.Client, keyed: Services) -> None:
    headers = sent(key(keyed, Scope.CHAT, Scope.READ))
    reply = http.post("/v1/embeddings", json=EMBED, headers=headers)
    message = assert_told(reply, 403, "invalid_request_error", "insufficient_permissions")
    assert "embed" in message


def test_a_key_is_refused_at_once_when_it_is_revoked_by_another_process(
    http: httpx.Client, keyed: Services
) -> None:
    made, secret = keyed.keys.create(NewKey("test", frozenset({Scope.EMBED})))
    assert http.post("/v1/embeddings", json=EMBED, headers=sent(secret)).status_code == 200
    KeyStore(keyed.database).revoke(made.id)
    reply = http.post("/v1/embeddings", json=EMBED, headers=sent(secret))
    assert_told(reply, 401, "invalid_request_error", "invalid_api_key")
    assert keyed.keys.get(made.id).state == "revoked"


def test_a_key_ends_when_it_should(http: httpx.Client, keyed: Services) -> None:
    made, secret = keyed.keys.create(
        NewKey("test", frozenset(Scope), expires_at=datetime.now(UTC) + timedelta(minutes=1))
    )
    assert http.get("/v1/models", headers=sent(secret)).status_code == 200
    past = f"UPDATE api_keys SET expires_at = '2001-01-01' WHERE id = {made.id}"  # noqa: S608
    keyed.database.transaction(lambda s: s.execute(text(past)) and None)
    reply = http.get("/v1/models", headers=sent(secret))
    assert_told(reply, 401, "invalid_request_error", "invalid_api_key")
    with pytest.raises(InvalidRequest, match="expired already"):
        key(keyed, expires_at=datetime(2001, 1, 1, tzinfo=UTC))


def test_the_secret_is_stored_nowhere_and_its_use_is_noted(
    http: httpx.Client, keyed: Services
) -> None:
    made, secret = keyed.keys.create(NewKey("test", frozenset(Scope)))
    assert made.last_used_at is None
    http.get("/v1/models", headers=sent(secret))
    used = keyed.keys.get(made.id).last_used_at
    assert used is not None
    assert datetime.now(UTC) - used < timedelta(minutes=1)
    rows = keyed.database.transaction(
        lambda s: [str(row) for row in s.execute(text("SELECT * FROM api_keys"))]
    )
    assert not any(secret[8:] in row for row in rows)


def test_requests_over_the_limit_wait_and_the_headers_say_how_long(
    http: httpx.Client, keyed: Services
) -> None:
    headers = sent(key(keyed, limits=KeyLimits(requests=3, tokens=1000)))
    left = []
    for _ in range(3):
        reply = http.post("/v1/embeddings", json=EMBED, headers=headers)
        assert reply.status_code == 200
        assert reply.headers["x-ratelimit-limit-requests"] == "3"
        assert reply.headers["x-ratelimit-limit-tokens"] == "1000"
        left.append(reply.headers["x-ratelimit-remaining-requests"])
        assert int(reply.headers["x-ratelimit-remaining-tokens"]) < 1000
        assert reply.headers["x-ratelimit-reset-requests"].endswith("s")
    assert left == ["2", "1", "0"]
    reply = http.post("/v1/embeddings", json=EMBED, headers=headers)
    assert_told(reply, 429, "requests", "rate_limit_exceeded")
    assert 1 <= int(reply.headers["retry-after"]) <= 20
    assert reply.headers["x-ratelimit-limit-requests"] == "3"
    assert reply.headers["x-ratelimit-remaining-requests"] == "0"
    assert reply.headers["x-ratelimit-limit-tokens"] == "1000"


def test_tokens_over_the_limit_are_refused_before_they_are_embedded_or_counted(
    http: httpx.Client, keyed: Services
) -> None:
    headers = sent(key(keyed, limits=KeyLimits(tokens=20)))
    long = {"model": MODEL, "input": "tide " * 30}
    assert_told(
        http.post("/v1/embeddings", json=long, headers=headers),
        429,
        "tokens",
        "rate_limit_exceeded",
    )
    reply = http.post("/v1/embeddings", json=EMBED, headers=headers)
    assert reply.status_code == 200
    spent = reply.json()["usage"]["total_tokens"]
    assert int(reply.headers["x-ratelimit-remaining-tokens"]) >= 20 - spent


def test_an_answers_tokens_count_once_they_are_known(http: httpx.Client, keyed: Services) -> None:
    keyed.first_knowledge_base()
    headers = sent(key(keyed, limits=KeyLimits(tokens=10)))
    question = {
        "model": "tidemark/default",
        "messages": [{"role": "user", "content": "When does the tide turn at the pier heads?"}],
    }
    replies = [http.post("/v1/chat/completions", json=question, headers=headers) for _ in range(2)]
    assert replies[0].status_code == 200
    assert_told(replies[1], 429, "tokens", "rate_limit_exceeded")


def test_the_tighter_of_two_limits_holds_and_a_refusal_counts_for_neither(
    keyed: Services,
) -> None:
    limits = RateLimits(keyed.database, KeyLimits())
    wide, narrow = Holder("test:wide", KeyLimits(100)), Holder("test:narrow", KeyLimits(2))
    assert limits.take([wide, narrow], requests=1, tokens=0).requests.limit == 2  # type: ignore[union-attr]
    limits.take([wide, narrow], requests=1, tokens=0)
    with pytest.raises(RateLimited, match="2 requests per minute"):
        limits.take([wide, narrow], requests=1, tokens=0)
    assert limits.take([wide], requests=1, tokens=0).requests.remaining == 97  # type: ignore[union-attr]


def test_the_workspace_has_a_limit_that_all_keys_share(settings: Settings, keyed: Services) -> None:
    shared = replace(keyed.rate_limits, workspace=KeyLimits(requests=2))
    served_so = application(settings, replace(keyed, rate_limits=shared))
    with served(served_so) as address, client(address) as http:
        first, second = key(keyed), key(keyed)
        statuses = [
            http.get("/v1/models", headers=sent(secret)).status_code
            for secret in (first, second, first)
        ]
    assert statuses == [200, 200, 429]


def test_openais_own_client_reads_the_refusals(address: str, keyed: Services) -> None:
    def ask(secret: str) -> None:
        base = f"{address}/v1"
        with openai.OpenAI(base_url=base, api_key=secret, max_retries=0) as program:
            program.embeddings.create(model=MODEL, input="tide")

    with pytest.raises(openai.AuthenticationError):
        ask("sk-wrong")
    with pytest.raises(openai.PermissionDeniedError):
        ask(key(keyed, Scope.READ))
    limited = key(keyed, limits=KeyLimits(requests=1))
    ask(limited)
    with pytest.raises(openai.RateLimitError):
        ask(limited)


@pytest.fixture(scope="module")
def visited(settings: Settings, keyed: Services) -> Iterator[httpx.Client]:
    allowing = settings.model_copy(update={"allowed_origins": "https://app.example.com"})
    with served(application(allowing, keyed)) as address, client(address) as http:
        yield http


def test_a_web_page_may_call_if_its_origin_is_allowed(
    visited: httpx.Client, keyed: Services
) -> None:
    headers = {**sent(key(keyed)), "origin": "https://app.example.com"}
    headers["sec-fetch-site"] = "cross-site"
    asked = visited.options("/v1/embeddings", headers={"origin": headers["origin"]})
    assert asked.status_code == 204
    reply = visited.post("/v1/embeddings", json=EMBED, headers=headers)
    assert reply.status_code == 200
    for each in (asked, reply):
        assert each.headers["access-control-allow-origin"] == "https://app.example.com"
    unknown = visited.post("/v1/embeddings", json=EMBED, headers={"origin": headers["origin"]})
    assert unknown.status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_any_other_web_page_may_not(visited: httpx.Client, keyed: Services, method: str) -> None:
    headers = {**sent(key(keyed)), "origin": "https://evil.example"}
    reply = visited.request(method, "/v1/models", headers=headers)
    assert_told(reply, 403, "invalid_request_error", "origin_not_allowed")
    assert "access-control-allow-origin" not in reply.headers


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.tidb_database_url is not None
    monkeypatch.setenv("TIDB_DATABASE_URL", settings.tidb_database_url.get_secret_value())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, ("key", *arguments))


@pytest.mark.usefixtures("command")
def test_a_key_is_made_listed_and_revoked_on_the_command_line(
    http: httpx.Client, keyed: Services
) -> None:
    base = keyed.first_knowledge_base()
    made = run("create", "reports", "--scope", "embed", "-k", base.name, "--days", "30", "--json")
    told = json.loads(made.stdout)
    headers = sent(told["key"])
    assert http.post("/v1/embeddings", json=EMBED, headers=headers).status_code == 200
    listed = json.loads(run("list", "--json").stdout)["keys"]
    (mine,) = [each for each in listed if each["id"] == told["id"]]
    assert (mine["name"], mine["scopes"], mine["knowledge_bases"], mine["state"]) == (
        "reports",
        ["embed"],
        [base.name],
        "valid",
    )
    assert told["key"] not in json.dumps(listed)
    assert "reports" in run("list").stdout
    assert run("revoke", str(told["id"])).exit_code == 0
    assert http.post("/v1/embeddings", json=EMBED, headers=headers).status_code == 401


@pytest.mark.usefixtures("command")
def test_a_key_that_could_do_nothing_is_not_made() -> None:
    assert run("create", "reports").exit_code == 2
    assert run("create", "reports", "--scope", "everything").exit_code == 2
    assert run("create", "reports", "--scope", "read", "-k", "nowhere").exit_code == 1
