"""Who may do what, on every route: what one may not see is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import event

from app.access.rights import Right, Role, Scope
from app.access.users import User
from app.config import Settings
from app.indexes.recipes import Choice
from app.main import create_app
from app.services import Services
from tests.integration.parts import MortalWorker, strangers_asked
from tests.integration.places import (
    HIDDEN,
    PASSED,
    REFUSED,
    SECRET,
    UNKNOWN,
    Nowhere,
    Place,
    fill,
    give,
    key,
    outcome,
    request_of,
    sent,
)
from tests.integration.v1 import MODEL
from tests.routes import Registered, registered
from tests.server import application, client, served

ROUTES = list(registered(create_app(Settings(_env_file=None), worker=False)))
EACH_ROUTE = pytest.mark.parametrize("route", ROUTES, ids=str)


@pytest.fixture(scope="module")
def strict(services: Services) -> Services:
    """The services of a Tidemark that others than this machine can reach."""
    return strangers_asked(services)


@pytest.fixture(scope="module")
def strict_http(settings: Settings, strict: Services) -> Iterator[httpx.Client]:
    open_to_all = settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104
    with served(application(open_to_all, strict)) as address, client(address) as http:
        yield http


@pytest.fixture(scope="module")
def hidden(services: Services) -> Place:
    """What the callers of these tests may not see: ingested, so that there is much to be seen."""
    place = fill(services, f"The {SECRET} keeps the rum.")
    MortalWorker(services, place.base).drain()
    return place


@pytest.fixture(scope="module")
def lasting(services: Services) -> Place:
    """What callers may see, for requests that change nothing."""
    return fill(services)


def place_for(route: Registered, services: Services, lasting: Place) -> Place:
    """What a request may be about: where it may change something, a place of its own."""
    return lasting if route.method == "GET" else fill(services)


@EACH_ROUTE
def test_nobody_in_particular_gets_what_is_open_and_nothing_else(
    strict_http: httpx.Client, hidden: Place, route: Registered
) -> None:
    for headers in ({}, {"authorization": "Bearer tm-wrong"}, {"x-api-key": "tm-wrong"}):
        became, text = outcome(strict_http, route, hidden, headers)
        assert became == (PASSED if route.right is Right.OPEN else UNKNOWN)
        assert SECRET not in text


@EACH_ROUTE
def test_a_key_of_one_scope_gets_what_it_is_for(
    strict_http: httpx.Client, services: Services, lasting: Place, route: Registered
) -> None:
    for scope in Scope:
        place = place_for(route, services, lasting)
        headers = key(services, scope, bases=(place.base.id,))
        became, _ = outcome(strict_http, route, place, headers)
        granted = route.right is Right.OPEN or route.right.scope in {None, scope}
        # What is bound to one knowledge base does not administer Tidemark.
        granted = granted and route.right not in {Right.ADMIN, Right.ACCOUNT}
        assert became == (PASSED if granted else REFUSED), scope


@EACH_ROUTE
def test_what_a_key_is_not_bound_to_is_not_there_for_it(
    strict_http: httpx.Client,
    services: Services,
    hidden: Place,
    lasting: Place,
    route: Registered,
) -> None:
    headers = key(services, *Scope, bases=(lasting.base.id,))
    became, text = outcome(strict_http, route, hidden, headers)
    assert SECRET not in text
    if route.right in {Right.ADMIN, Right.ACCOUNT}:
        assert became == REFUSED
    elif route.parameters and route.right is not Right.OPEN:
        assert became == HIDDEN
    else:
        assert became in {HIDDEN, PASSED}
    assert services.documents.get(hidden.document_id).name == f"{SECRET}.md"


@EACH_ROUTE
def test_a_key_of_every_scope_that_is_bound_to_nothing_gets_everything(
    strict_http: httpx.Client, services: Services, route: Registered
) -> None:
    became, _ = outcome(strict_http, route, fill(services), key(services, *Scope))
    assert became == (REFUSED if route.right is Right.ACCOUNT else PASSED)


@pytest.fixture(scope="module")
def user(services: Services) -> User:
    return services.users.create(f"somebody-{uuid4().hex[:8]}", "a few words will do")


def signed_in(services: Services, user: User) -> dict[str, str]:
    """The headers of a browser that has signed in, on a page of this Tidemark's."""
    return {
        "cookie": f"tidemark={services.sessions.begin(user.id)}",
        "sec-fetch-site": "same-origin",
    }


@EACH_ROUTE
def test_a_user_without_a_role_sees_nothing(
    strict_http: httpx.Client, services: Services, hidden: Place, user: User, route: Registered
) -> None:
    became, text = outcome(strict_http, route, hidden, signed_in(services, user))
    assert SECRET not in text
    if route.openai:
        assert became == UNKNOWN  # a session is for pages and what they call
    elif route.right in {Right.OPEN, Right.ACCOUNT, Right.KNOWN}:
        assert became == PASSED
    elif route.right is Right.ADMIN:
        assert became == REFUSED
    else:
        assert became == HIDDEN or not route.parameters


@EACH_ROUTE
def test_a_user_may_do_what_their_role_says(
    strict_http: httpx.Client, services: Services, lasting: Place, user: User, route: Registered
) -> None:
    if route.openai:
        return  # as above, whatever the role
    for role in Role:
        place = place_for(route, services, lasting)
        services.users.grant(user.id, place.base.id, role)
        became, _ = outcome(strict_http, route, place, signed_in(services, user))
        granted = route.right is not Right.ADMIN and role >= route.right.role
        assert became == (PASSED if granted else REFUSED), role


def test_only_who_may_switch_indexes_is_shown_the_buttons_for_it(
    strict_http: httpx.Client, services: Services
) -> None:
    place = fill(services)
    MortalWorker(services, place.base).drain()
    other = services.changeover.build(place.base, Choice(chunk_tokens=40))
    MortalWorker(services, place.base).drain()
    somebody = services.users.create(f"reader-{uuid4().hex[:8]}", "a few words will do")
    headers = {**signed_in(services, somebody), "accept": "text/html"}
    about = {"knowledge-base": place.base.name, "index": other}
    for role in Role:
        services.users.grant(somebody.id, place.base.id, role)
        page = strict_http.get("/indexes", params=about, headers=headers).text
        beside = strict_http.get("/indexes/compare", params=about, headers=headers).text
        assert f"Index {other}" in page
        switches = role is Role.ADMINISTRATOR
        assert ('value="promote"' in page) is switches, role
        assert ("Build another" in page) is switches, role
        assert ('value="compare"' in beside) is switches, role
        assert ("by who administers the knowledge base" in page) is not switches, role


@contextmanager
def statements(services: Services) -> Iterator[list[str]]:
    """What TiDB is asked meanwhile, without the values."""
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    event.listen(services.database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(services.database.engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def nowhere(hidden: Place) -> Nowhere:
    base = replace(hidden.base, id=999_999_999, name="rights-nowhere")
    turn = replace(hidden.turn, id=999_999_999, conversation_id=999_999_999)
    return Nowhere(base, 999_999_999, 999_999_999, turn, hidden.services)


@EACH_ROUTE
def test_what_is_hidden_and_what_is_not_there_take_one_way_to_one_reply(  # noqa: PLR0917
    strict_http: httpx.Client,
    services: Services,
    hidden: Place,
    lasting: Place,
    nowhere: Nowhere,
    route: Registered,
) -> None:
    """Counted in statements, so that neither words nor time tell the one from the other."""
    if route.right in {Right.OPEN, Right.ADMIN, Right.ACCOUNT}:
        return  # asked about no knowledge base, or refused before
    headers = key(services, *Scope, bases=(lasting.base.id,))
    said, asked = [], []
    for place in (hidden, nowhere, hidden, nowhere):
        give(place, headers)
        request = request_of(route, place)
        with statements(services) as made:
            became, reply = sent(strict_http, route, request, headers)
        if became == PASSED:  # about the caller's own, whatever the address says
            assert SECRET not in reply
            return
        said.append(masked(reply, place))
        asked.append(made)
    assert said[2] == said[3]
    assert asked[2] == asked[3]


def masked(reply: str, place: Place) -> str:
    """The reply without what the request itself says of the place."""
    return re.sub(r"\b\d+\b", "<number>", reply.replace(place.base.name, "<name>"))


def test_lists_and_counts_have_what_the_key_is_bound_to(
    strict_http: httpx.Client, services: Services, hidden: Place
) -> None:
    place = fill(services)
    headers = key(services, Scope.READ, Scope.CHAT, bases=(place.base.id,))
    bases = strict_http.get("/api/knowledge-bases", headers=headers).json()["knowledge_bases"]
    assert [base["name"] for base in bases] == [place.base.name]
    models = strict_http.get("/v1/models", headers=headers).json()["data"]
    assert [model["id"] for model in models] == [MODEL, f"tidemark/{place.base.name}"]
    narrowed = services.seen_by(
        services.callers.by_key(headers["authorization"].split()[1]).sight(Right.READ)
    )
    assert sum(narrowed.jobs.counts().values()) == 1
    assert narrowed.jobs.of_ids([hidden.job_id, place.job_id])[0].id == place.job_id


def test_another_name_for_what_is_hidden_is_hidden_too(
    settings: Settings, strict: Services, hidden: Place
) -> None:
    names = f"gpt-hidden=tidemark/{hidden.base.name}, gpt-embed={MODEL}"
    named = strict.settings.model_copy(update={"model_aliases": names})
    headers = key(strict, *Scope, bases=(fill(strict).base.id,))
    app = application(settings, replace(strict, settings=named))
    with served(app) as address, client(address) as http:
        models = [each["id"] for each in http.get("/v1/models", headers=headers).json()["data"]]
        assert "gpt-embed" in models
        assert "gpt-hidden" not in models
        assert http.get("/v1/models/gpt-hidden", headers=headers).status_code == 404


def test_a_filter_by_a_hidden_document_says_what_one_by_an_unknown_one_says(
    strict_http: httpx.Client, services: Services, hidden: Place
) -> None:
    place = fill(services)
    headers = key(services, *Scope, bases=(place.base.id,))
    path = f"/api/knowledge-bases/{place.base.name}/search"
    said = [
        strict_http.get(path, params={"q": "tide", "document": each}, headers=headers).text
        for each in (hidden.document_id, 999_999_999)
    ]
    assert said[0].replace(str(hidden.document_id), "999999999") == said[1]
