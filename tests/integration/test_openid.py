"""Signing in by an OpenID provider, over HTTP, with one that can be made to lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from app.access.openid import OpenIdProvider, make_openid
from app.config import Settings
from app.errors import InvalidSetting
from app.services import Services
from tests.fake_issuer import FakeIssuer, issuing, new_key
from tests.integration.parts import strangers_asked
from tests.server import application, client, served
from tests.waiting import PATIENCE

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    with issuing(FakeIssuer()) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def strict(services: Services, issuer: FakeIssuer) -> Services:
    provider = OpenIdProvider(
        issuer.address,
        issuer.client_id,
        SecretStr(issuer.client_secret),
        frozenset({"example.com"}),
    )
    return replace(strangers_asked(services), openid=provider)


@pytest.fixture(scope="module")
def door(settings: Settings, strict: Services) -> Iterator[str]:
    reachable = settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104
    with served(application(reachable, strict)) as address:
        yield address


@pytest.fixture
def browser(door: str) -> Iterator[httpx.Client]:
    with client(door) as http:
        http.headers["origin"] = door
        yield http


@pytest.fixture
def person(issuer: FakeIssuer) -> Iterator[FakeIssuer]:
    """The issuer, where somebody of the domain is signed in."""
    name = f"ann-{uuid4().hex[:8]}"
    issuer.person = {"sub": name, "email": f"{name}@example.com", "email_verified": True}
    yield issuer
    issuer.more, issuer.lies, issuer.refuses, issuer.signs_with = {}, {}, "", None


def at_the_provider(browser: httpx.Client, where: str = "/") -> str:
    """Where the provider sends the browser that Tidemark sent to it."""
    sent = browser.get("/sign-in/openid", params={"next": where})
    assert sent.status_code == 303
    back = httpx.get(sent.headers["location"], trust_env=False, timeout=PATIENCE)
    assert back.status_code == 303
    return back.headers["location"]


def signed_in(browser: httpx.Client, where: str = "/") -> httpx.Response:
    return browser.get(at_the_provider(browser, where), headers=HTML)


def test_somebody_of_the_domain_comes_in_and_to_where_they_wanted(
    browser: httpx.Client, strict: Services, person: FakeIssuer
) -> None:
    page = browser.get("/sign-in", params={"next": "/documents?sort=size"})
    assert f"Sign in with {urlsplit(person.address).netloc}" in page.text
    came = signed_in(browser, "/documents?sort=size")
    assert (came.status_code, came.headers["location"]) == (303, "/documents?sort=size")
    account = browser.get("/account", headers=HTML)
    assert person.person["email"] in account.text
    assert "Present password" not in account.text
    user = strict.users.by_name(person.person["email"])
    assert strict.users.roles(user.id)[1] == {}
    # The second time it is the same user, whatever their address is by now.
    person.person["email"] = f"{uuid4().hex}@example.com"
    assert signed_in(browser).status_code == 303
    assert user.name in browser.get("/account", headers=HTML).text
    deeds = [(d.actor, d.action, d.subject) for d in strict.audit.latest(2)]
    assert deeds[0] == (f"user {user.name!r}", "sign_in", f"by {urlsplit(person.address).netloc}")


def test_a_user_whom_an_administrator_added_comes_in_from_any_domain(
    browser: httpx.Client, strict: Services, person: FakeIssuer
) -> None:
    address = f"ben-{uuid4().hex[:8]}@partner.example"
    user = strict.users.create(address, None)
    person.person["email"] = address.upper()
    assert signed_in(browser).status_code == 303
    assert not strict.users.link(user.id, "another")  # it has one


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ({"email": "stranger@elsewhere.example"}, "is no user of this Tidemark"),
        ({"email_verified": False}, "has verified your e-mail address"),
        ({"email": None}, "has verified your e-mail address"),
    ],
)
def test_a_stranger_is_not_let_in(
    browser: httpx.Client, person: FakeIssuer, says: dict[str, object], told: str
) -> None:
    person.person |= says
    refused = signed_in(browser)
    assert refused.status_code == 403
    assert told in refused.text
    assert browser.get("/account").status_code == 401


def test_the_provider_cannot_become_somebody_who_has_a_password(
    browser: httpx.Client, strict: Services, person: FakeIssuer
) -> None:
    strict.users.create(person.person["email"], "a few words will do", administrator=True)
    refused = signed_in(browser)
    assert (refused.status_code, "signs in with a password" in refused.text) == (403, True)


def test_a_disabled_user_stays_out(
    browser: httpx.Client, strict: Services, person: FakeIssuer
) -> None:
    signed_in(browser)
    user = strict.users.by_name(person.person["email"])
    strict.users.set_disabled(user.id, disabled=True)
    refused = signed_in(browser)
    assert (refused.status_code, "any more" in refused.text) == (403, True)
    assert browser.get("/account").status_code == 401


def test_an_address_that_only_the_account_has_is_asked_for(
    browser: httpx.Client, person: FakeIssuer
) -> None:
    person.more = {"email": person.person.pop("email"), "email_verified": True}
    assert signed_in(browser).status_code == 303


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://evil.example"},
        {"aud": "another program"},
        {"aud": ["tidemark", "another"], "azp": "another"},
        {"nonce": "of another browser"},
        {"exp": 1_700_000_000},
        {"sub": None},
    ],
    ids=str,
)
def test_what_was_not_said_for_this_browser_here_and_now_is_not_believed(
    browser: httpx.Client, person: FakeIssuer, lie: dict[str, object]
) -> None:
    person.lies = lie
    assert signed_in(browser).status_code == 403
    assert browser.get("/account").status_code == 401


def test_what_another_signed_is_not_believed(browser: httpx.Client, person: FakeIssuer) -> None:
    person.signs_with = new_key()
    refused = signed_in(browser)
    assert (refused.status_code, "cannot be trusted" in refused.text) == (403, True)


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(
    browser: httpx.Client, door: str, person: FakeIssuer
) -> None:
    back = at_the_provider(browser)
    with client(door) as another:
        assert another.get(back, headers=HTML).status_code == 403
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert browser.get(back.replace(state, "guessed"), headers=HTML).status_code == 403
    # The browser has given up what it kept: it begins anew.
    assert browser.get(back, headers=HTML).status_code == 403
    assert signed_in(browser).status_code == 303


def test_whoever_turns_back_is_told_so(browser: httpx.Client, person: FakeIssuer) -> None:
    person.refuses = "access_denied"
    refused = signed_in(browser)
    assert (refused.status_code, "access_denied" in refused.text) == (403, True)


def test_a_provider_that_is_away_leaves_the_password(settings: Settings, strict: Services) -> None:
    away = OpenIdProvider("http://127.0.0.1:9", "tidemark", SecretStr("the issuer's word"))
    with served(application(settings, replace(strict, openid=away))) as address:
        told = httpx.get(
            f"{address}/sign-in/openid", headers=HTML, trust_env=False, timeout=PATIENCE
        )
    assert told.status_code == 403
    assert "cannot be asked now" in told.text
    assert 'name="password"' in told.text
    assert "the issuer" not in told.text


def test_without_a_provider_there_is_no_such_way(http: httpx.Client) -> None:
    assert http.get("/sign-in/openid").status_code == 404
    assert http.get("/sign-in/callback").status_code == 404


def test_half_a_configuration_is_refused(settings: Settings) -> None:
    issuer = {"openid_issuer": "https://login.example.com"}
    assert make_openid(settings) is None
    with pytest.raises(InvalidSetting, match="without what"):
        make_openid(settings.model_copy(update=issuer))
    whole = {**issuer, "openid_client_id": "a", "openid_client_secret": SecretStr("b")}
    assert make_openid(settings.model_copy(update=whole)) is not None
    with pytest.raises(InvalidSetting, match="https"):
        make_openid(
            settings.model_copy(update={**whole, "openid_issuer": "http://login.example.com"})
        )
