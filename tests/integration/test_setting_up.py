"""A Tidemark that others can reach serves nothing until somebody administers it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.access.keys import NewKey
from app.access.rights import Scope
from app.cli.serving import _greeting
from app.config import Settings
from app.errors import DatabaseUnavailable
from app.main import create_app
from app.services import Services
from app.web.setting_up import SERVED
from tests.routes import registered, unguarded
from tests.server import application, client, served

ROUTES = list(registered(create_app(Settings(_env_file=None), worker=False)))
SHORT = ("/mcp", "/embeddings", "//v1//models", "/api/openapi.json", "/docs", "/nowhere", "/static")
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def app(settings: Settings, services: Services) -> FastAPI:
    """One that others can reach, just started."""
    strict = replace(services, callers=replace(services.callers, asks=True))
    return application(settings, strict)


@pytest.fixture(scope="module")
def new(app: FastAPI) -> Iterator[httpx.Client]:
    with served(app) as address, client(address) as http:
        http.headers["origin"] = address
        yield http


def test_nothing_answers_but_the_link_not_even_to_a_key(
    new: httpx.Client, app: FastAPI, services: Services
) -> None:
    _, secret = services.keys.create(NewKey("from when it was on loopback", frozenset(Scope)))
    everywhere = {(route.method, route.path) for route in ROUTES}
    everywhere |= {(method, path) for method in ("GET", "POST") for path in SHORT}
    everywhere |= {("GET", path) for path in unguarded(app)}
    answered = set()
    for method, path in everywhere:
        for headers in ({}, {"authorization": f"Bearer {secret}"}, HTML):
            reply = new.request(method, path.replace("{", "").replace("}", ""), headers=headers)
            assert "content-security-policy" in reply.headers
            if reply.status_code != 503:
                answered.add(path)
            elif headers != HTML or path.startswith(("/api/", "/health/")):
                assert "no administrator yet" in reply.json()["error"]["message"], path
            else:
                assert "no administrator yet" in reply.text
    assert answered == {"/welcome", "/health/live"} < SERVED


def test_the_link_that_is_printed_can_be_opened_from_another_machine(
    app: FastAPI, settings: Settings, new: httpx.Client
) -> None:
    """`0.0.0.0` is an address to listen on, and none to go to."""
    told = _greeting(app, settings.model_copy(update={"host": "0.0.0.0"}), 8000)  # noqa: S104
    here = f"http://{socket.gethostname()}:8000"
    (link,) = (line for line in told.splitlines() if line.startswith(here))
    assert new.get(link.removeprefix(here)).status_code == 200
    another = application(settings, app.state.services)  # behind the same proxy
    with served(another) as address, client(address) as http:
        assert http.get(link.removeprefix(here)).status_code == 200


def test_the_link_is_good_for_an_hour_and_kept_as_a_hash(
    new: httpx.Client, services: Services
) -> None:
    token = services.welcomes.begin()
    kept = services.database.transaction(
        lambda s: [str(row) for row in s.execute(text("SELECT * FROM welcomes"))]
    )
    assert kept
    assert not any(token in row for row in kept)
    assert new.get(f"/welcome?token={token}").status_code == 200
    past = text("UPDATE welcomes SET expires_at = DATE_SUB(expires_at, INTERVAL 1 HOUR)")
    services.database.transaction(lambda s: s.execute(past) and None)
    assert new.get(f"/welcome?token={token}").status_code == 404


def test_openai_clients_are_told_in_their_own_shape(new: httpx.Client) -> None:
    error = new.post("/v1/embeddings", json={}).json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "service_unavailable_error"


def test_whoever_has_not_the_link_is_not_told_more(new: httpx.Client) -> None:
    reply = new.get("/welcome?token=guessed")
    assert reply.status_code == 404
    form = {"token": "guessed", "name": "mallory", "password": "a few words will do"}
    assert new.post("/welcome", data=form).status_code == 404


def test_a_database_that_is_away_opens_nothing(
    new: httpx.Client, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> bool:
        raise DatabaseUnavailable("TiDB does not answer.")

    monkeypatch.setattr(type(services.users), "any_administrator", away)
    reply = new.get("/", headers=HTML)
    assert (reply.status_code, "TiDB does not answer." in reply.text) == (503, True)


def test_once_there_is_one_made_anywhere_everything_is_served(
    new: httpx.Client, services: Services
) -> None:
    """The last of these: the services are the module's."""
    services.users.create("a reader", "a few words will do")
    assert new.get("/health/ready").status_code == 503
    services.users.create("ada", "a few words will do", administrator=True)
    assert new.get("/health/ready").status_code == 200
    assert new.get("/", headers=HTML).headers["location"].startswith("/sign-in")
    assert new.get("/v1/models").status_code == 401


def test_on_this_machine_nobody_is_waited_for(http: httpx.Client, services: Services) -> None:
    assert not services.callers.asks
    assert http.get("/").status_code == 200
