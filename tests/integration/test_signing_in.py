"""Signing in and out over HTTP, who may come in first, and what is noted of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from app.access.audit import Audit
from app.access.keys import NewKey
from app.access.rights import Role, Scope
from app.access.sessions import FOR_ONE_ACCOUNT
from app.access.users import User, UserStore
from app.cli.program import program
from app.config import Settings
from app.errors import (
    DatabaseUnavailable,
    InvalidRequest,
    NotAllowed,
    RateLimited,
    UserExists,
    WrongPassword,
)
from app.main import create_app
from app.services import Services
from app.web.server import config_of
from tests.integration.parts import strangers_asked
from tests.server import application, client, served

PASSWORD = "the tide turns at noon"
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def strict(services: Services) -> Services:
    return strangers_asked(services)


@pytest.fixture(scope="module")
def door(settings: Settings, strict: Services) -> Iterator[str]:
    """The address of a Tidemark that others can reach."""
    reachable = settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104
    with served(application(reachable, strict)) as address:
        yield address


@pytest.fixture
def browser(door: str) -> Iterator[httpx.Client]:
    """What keeps cookies, and says where a request comes from, as browsers do."""
    with client(door) as http:
        http.headers["origin"] = door
        yield http


@pytest.fixture
def user(strict: Services) -> User:
    return strict.users.create(f"ann-{uuid4().hex[:8]}", PASSWORD)


@pytest.fixture
def administrator(strict: Services) -> User:
    return strict.users.create(f"root-{uuid4().hex[:8]}", PASSWORD, administrator=True)


def sign_in(http: httpx.Client, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return http.post("/sign-in", data={"name": name, "password": password, **more})


def test_a_stranger_is_asked_to_sign_in_and_comes_to_where_they_wanted(
    browser: httpx.Client, user: User
) -> None:
    asked = browser.get("/documents?sort=size", headers=HTML)
    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?next=%2Fdocuments%3Fsort%3Dsize"
    form = browser.get(asked.headers["location"])
    assert 'value="/documents?sort=size"' in form.text
    came = sign_in(browser, user.name.upper(), next="/documents?sort=size")
    assert (came.status_code, came.headers["location"]) == (303, "/documents?sort=size")
    assert browser.get("/account", headers=HTML).status_code == 200


def test_the_cookie_is_out_of_scripts_and_of_other_sites_reach(
    settings: Settings, strict: Services, browser: httpx.Client, user: User
) -> None:
    cookie = sign_in(browser, user.name).headers["set-cookie"]
    assert cookie.startswith("tidemark=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert user.name not in cookie
    # Behind a proxy that speaks TLS to the browser, and plain HTTP to Tidemark.
    behind = settings.model_copy(update={"public_url": "https://docs.example.com"})
    services = replace(strict, settings=behind)
    with served(application(behind, services)) as address, client(address) as http:
        http.headers.update({"host": "docs.example.com", "origin": "https://docs.example.com"})
        cookie = sign_in(http, user.name).headers["set-cookie"]
        assert cookie.startswith("__Host-tidemark=")
        assert {"HttpOnly", "SameSite=lax", "Path=/", "Secure"} <= set(cookie.split("; "))
        assert http.get("/health/live", headers={"host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"],
)
def test_signing_in_leads_to_no_other_site(
    browser: httpx.Client, user: User, elsewhere: str
) -> None:
    assert sign_in(browser, user.name, next=elsewhere).headers["location"] == "/"


def test_a_wrong_name_and_a_wrong_password_are_told_alike(
    browser: httpx.Client, user: User
) -> None:
    replies = [
        sign_in(browser, user.name, "not the password"),
        sign_in(browser, "nobody at all", PASSWORD),
    ]
    assert [reply.status_code for reply in replies] == [403, 403]
    said = "Name and password do not belong together."
    assert all(said in reply.text and PASSWORD not in reply.text for reply in replies)
    assert browser.get("/account").status_code == 401


def test_guessing_is_slowed_down_for_one_name_wherever_it_comes_from(strict: Services) -> None:
    name = strict.users.create(f"bob-{uuid4().hex[:8]}", PASSWORD).name
    fast = replace(strict.sessions)
    for attempt in range(FOR_ONE_ACCOUNT):
        with pytest.raises(WrongPassword):
            fast.sign_in(name, "wrong", f"192.0.2.{attempt}")
    with pytest.raises(RateLimited, match="Too many") as refused:
        fast.sign_in(name, PASSWORD, "192.0.2.99")
    assert 0 < refused.value.retry_after <= 15 * 60


def test_of_many_guesses_at_once_no_more_are_tried_than_one_by_one(strict: Services) -> None:
    name = strict.users.create(f"bob-{uuid4().hex[:8]}", PASSWORD).name
    guesses = 2 * FOR_ONE_ACCOUNT
    together = threading.Barrier(guesses)

    def guess(number: int) -> type[Exception]:
        together.wait()
        with pytest.raises((WrongPassword, RateLimited)) as refused:
            strict.sessions.sign_in(name, "wrong", f"198.51.100.{number}")
        return refused.type

    with ThreadPoolExecutor(guesses) as pool:
        refusals = Counter(pool.map(guess, range(guesses)))
    assert refusals[WrongPassword] <= FOR_ONE_ACCOUNT
    assert refusals.total() == guesses


def test_a_right_password_counts_for_nothing(strict: Services) -> None:
    name = strict.users.create(f"bob-{uuid4().hex[:8]}", PASSWORD).name
    for _ in range(FOR_ONE_ACCOUNT + 1):
        assert strict.sessions.found(strict.sessions.sign_in(name, PASSWORD, "198.51.100.99"))


def test_behind_a_proxy_each_address_is_slowed_down_by_itself(
    settings: Settings, strict: Services
) -> None:
    """By the server that `tidemark serve` runs, with the proxy's header as browsers can send it."""

    def failures(trusted: str, forwarded: str) -> str:
        named = settings.model_copy(update={"trusted_proxies": trusted})
        app = application(named, strict)
        with served(app, config_of(app, named)) as address, client(address) as http:
            headers = {"x-forwarded-for": forwarded, "origin": address}
            form = {"name": f"nobody-{uuid4().hex[:8]}", "password": "not the password"}
            http.post("/sign-in", data=form, headers=headers)
        return strict.audit.latest(1)[0].address

    assert failures("127.0.0.1", "203.0.113.7") == "203.0.113.7"
    assert failures("127.0.0.0/8", "198.51.100.1, 203.0.113.7") == "203.0.113.7"
    assert failures("10.0.0.0/8", "203.0.113.7") == "127.0.0.1"


def test_a_session_without_a_word_of_where_the_request_comes_from_changes_nothing(
    door: str, strict: Services, user: User
) -> None:
    headers = {"cookie": f"tidemark={strict.sessions.begin(user.id)}"}
    with client(door) as http:
        assert http.get("/account", headers=headers).status_code == 200
        silent = http.post("/sign-out", headers=headers)
        foreign = http.post("/sign-out", headers={**headers, "origin": "https://evil.example"})
        assert [silent.status_code, foreign.status_code] == [403, 403]
        assert http.get("/account", headers=headers).status_code == 200


def test_signing_out_ends_the_session_and_everywhere_ends_them_all(
    browser: httpx.Client, door: str, user: User
) -> None:
    with client(door) as other:
        other.headers["origin"] = door
        for each in (browser, other):
            sign_in(each, user.name)
        kept = {"cookie": f"tidemark={browser.cookies['tidemark']}"}
        browser.post("/sign-out")
        assert "tidemark" not in browser.cookies
        assert browser.get("/account", headers=kept).status_code == 401
        sign_in(browser, user.name)
        assert other.get("/account").status_code == 200
        browser.post("/sign-out", data={"everywhere": "true"})
        assert other.get("/account").status_code == 401


def test_signing_in_again_ends_the_session_that_the_browser_had(
    browser: httpx.Client, user: User
) -> None:
    sign_in(browser, user.name)
    before = {"cookie": f"tidemark={browser.cookies['tidemark']}"}
    sign_in(browser, user.name)
    browser.cookies.clear()
    assert browser.get("/account", headers=before).status_code == 401


def test_another_password_ends_every_other_session(
    browser: httpx.Client, strict: Services, user: User
) -> None:
    token = strict.sessions.begin(user.id)
    sign_in(browser, user.name)
    wrong = {"present": "not the password", "password": "another one altogether"}
    assert browser.post("/account/password", data=wrong).status_code == 403
    right = {"present": PASSWORD, "password": "another one altogether"}
    assert browser.post("/account/password", data=right).status_code == 303
    assert browser.get("/account").status_code == 200
    assert strict.sessions.found(token) is None
    assert sign_in(browser, user.name).status_code == 403


def test_a_disabled_user_is_out_at_once_with_sessions_and_keys(
    browser: httpx.Client, strict: Services, user: User
) -> None:
    _, secret = strict.keys.create(NewKey("mine", frozenset(Scope), user_id=user.id))
    sign_in(browser, user.name)
    assert browser.get("/account").status_code == 200
    headers = {"authorization": f"Bearer {secret}"}
    assert browser.get("/v1/models", headers=headers).status_code == 200
    UserStore(strict.database).set_disabled(user.id, disabled=True)
    assert browser.get("/account").status_code == 401
    assert browser.get("/v1/models", headers=headers).status_code == 401
    assert sign_in(browser, user.name).status_code == 403


def test_a_users_key_can_do_no_more_than_the_user(
    browser: httpx.Client, strict: Services, user: User
) -> None:
    base = strict.knowledge_bases.create(f"seen-{uuid4().hex[:8]}")
    strict.users.grant(user.id, base.id, Role.READER)
    sign_in(browser, user.name)
    made = browser.post("/account/keys", data={"name": "mine", "scope": list(Scope), "days": "1"})
    secret = made.text.split('class="secret">')[1].split("<")[0]
    headers = {"authorization": f"Bearer {secret}"}
    listed = browser.get("/api/knowledge-bases", headers=headers).json()["knowledge_bases"]
    assert [each["name"] for each in listed] == [base.name]
    path = f"/api/knowledge-bases/{base.name}"
    assert browser.delete(path, headers=headers).status_code == 403
    assert (
        browser.post("/api/knowledge-bases", json={"name": "x"}, headers=headers).status_code == 403
    )
    assert secret not in browser.get("/account").text


def test_somebody_elses_key_is_not_there(
    browser: httpx.Client, strict: Services, user: User
) -> None:
    key, _ = strict.keys.create(NewKey("a program's", frozenset(Scope)))
    sign_in(browser, user.name)
    assert "a program&#39;s" not in browser.get("/account").text
    assert browser.post("/account/keys/revoke", data={"key": key.id}).status_code == 404
    assert strict.keys.get(key.id).state == "valid"


def test_an_administrator_adds_somebody_and_gives_them_a_role(
    browser: httpx.Client, strict: Services, administrator: User
) -> None:
    base = strict.knowledge_bases.create(f"given-{uuid4().hex[:8]}")
    sign_in(browser, administrator.name)
    name = f"carl-{uuid4().hex[:8]}"
    made = browser.post("/users", data={"name": name, "password": PASSWORD})
    where = made.headers["location"]
    given = {"knowledge-base": base.name, "role": "editor"}
    assert browser.post(f"{where}/role", data=given).status_code == 303
    found, roles = strict.users.roles(strict.users.by_name(name).id)
    assert roles == {base.id: Role.EDITOR}
    assert name in browser.get("/users").text
    short = browser.post("/users", data={"name": "dora", "password": "short"})
    assert (short.status_code, "10 to 200 characters" in short.text) == (422, True)
    assert browser.post(f"{where}/role", data={**given, "role": "king"}).status_code == 422
    browser.post(f"{where}/role", data={**given, "role": "none"})
    assert strict.users.roles(found.id)[1] == {}


def test_the_last_administrator_stays(settings: Settings, strict: Services) -> None:
    strict.database.transaction(lambda s: s.execute(text("DELETE FROM users")) and None)
    only = strict.users.create("only", PASSWORD, administrator=True)
    for change in (
        lambda: strict.users.set_administrator(only.id, administrator=False),
        lambda: strict.users.set_disabled(only.id, disabled=True),
    ):
        with pytest.raises(NotAllowed, match="Nobody would be left"):
            change()
    strict.users.create("another", PASSWORD, administrator=True)
    strict.users.set_administrator(only.id, administrator=False)


def test_the_first_administrator_comes_in_by_the_link_once(
    settings: Settings, strict: Services
) -> None:
    strict.database.transaction(lambda s: s.execute(text("DELETE FROM users")) and None)
    app = application(settings, strict)
    token = strict.welcomes.begin()
    link = f"/welcome?token={token}"
    with served(app) as address, client(address) as http:
        http.headers["origin"] = address
        assert http.get("/", headers=HTML).status_code == 503
        assert http.get("/welcome?token=guessed").status_code == 404
        assert http.get(link).status_code == 200
        form = {"token": token, "name": "first", "password": "short"}
        assert http.post("/welcome", data=form).status_code == 422
        assert http.post("/welcome", data={**form, "password": PASSWORD}).status_code == 303
        assert http.get("/users").status_code == 200
        again = {**form, "password": PASSWORD, "name": "second"}
        assert http.post("/welcome", data=again).status_code == 404
        assert http.get(link).status_code == 404
    assert [user.name for user in strict.users.list()] == ["first"]


class Away(Audit):
    """Where nothing can be noted."""

    def note(self, *_args: object, **_more: object) -> None:
        raise DatabaseUnavailable("TiDB does not answer.")


def test_nobody_hears_that_a_deed_is_done_which_is_not_noted(
    settings: Settings, strict: Services, user: User
) -> None:
    app = application(settings, replace(strict, audit=Away(strict.database)))
    with served(app) as address, client(address) as http:
        http.headers["origin"] = address
        assert sign_in(http, user.name).status_code == 503


def test_who_did_what_is_noted_and_no_secret_with_it(
    browser: httpx.Client, strict: Services, administrator: User
) -> None:
    sign_in(browser, administrator.name, "wrong password here")
    sign_in(browser, administrator.name)
    base = strict.knowledge_bases.create(f"noted-{uuid4().hex[:8]}")
    browser.delete(f"/api/knowledge-bases/{base.name}")
    made = browser.post("/account/keys", data={"name": "noted", "scope": ["read"]})
    secret = made.text.split('class="secret">')[1].split("<")[0]
    deeds = browser.get("/audit.json").json()["deeds"]
    did = [
        (each["action"], each["subject"]) for each in deeds if administrator.name in each["actor"]
    ]
    assert did[:4] == [
        ("create_key", "noted"),
        ("delete_knowledge_base", f"name {base.name}"),
        ("sign_in", ""),
        ("sign_in_failed", ""),
    ]
    assert all(each["address"] == "127.0.0.1" for each in deeds[:4])
    said = str(deeds) + browser.get("/audit").text
    assert secret not in said
    assert PASSWORD not in said
    assert "wrong password here" not in said


def test_nothing_that_is_kept_can_be_signed_in_with(strict: Services, user: User) -> None:
    token = strict.sessions.begin(user.id)

    def everything(session: Any) -> str:
        tables = ("users", "sessions", "audit", "sign_in_failures")
        return str([list(session.execute(text(f"SELECT * FROM {t}"))) for t in tables])  # noqa: S608

    kept = strict.database.transaction(everything)
    assert "$argon2id$" in kept
    assert token not in kept
    assert PASSWORD not in kept


@pytest.mark.parametrize(
    ("name", "password"),
    [("", PASSWORD), ("x" * 101, PASSWORD), ("a\nb", PASSWORD), ("eve", "short")],
)
def test_a_user_who_could_not_sign_in_is_not_made(
    strict: Services, name: str, password: str
) -> None:
    with pytest.raises(InvalidRequest):
        strict.users.create(name, password)


def test_names_are_the_same_however_they_are_typed(strict: Services, user: User) -> None:
    with pytest.raises(UserExists):
        strict.users.create(f" {user.name.upper()} ", PASSWORD)
    assert strict.users.by_name(user.name.title()).id == user.id


def test_on_this_machine_nobody_signs_in(http: httpx.Client) -> None:
    assert http.get("/", headers=HTML).status_code == 200
    assert http.get("/users", headers=HTML).status_code == 200
    assert http.get("/sign-in").headers["location"] == "/"
    assert sign_in(http, "anybody").status_code == 403


def test_every_reply_has_the_security_headers_a_failure_of_ours_too(
    settings: Settings, services: Services
) -> None:
    app = create_app(settings, services, worker=False)

    def broken() -> None:
        raise RuntimeError("the vault's number is 4711")

    app.add_api_route("/broken", broken)
    with served(app) as address, client(address) as http:
        for path, status in {"/": 200, "/nowhere": 404, "/broken": 500}.items():
            reply = http.get(path)
            assert reply.status_code == status
            assert "default-src 'none'" in reply.headers["content-security-policy"]
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert "4711" not in reply.text


def test_users_are_made_on_the_command_line(
    settings: Settings, strict: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.tidb_database_url is not None
    monkeypatch.setenv("TIDB_DATABASE_URL", settings.tidb_database_url.get_secret_value())
    name = f"erin-{uuid4().hex[:8]}"
    base = strict.knowledge_bases.create(f"cli-{uuid4().hex[:8]}")

    def run(*arguments: str, given: str | None = None) -> int:
        return CliRunner().invoke(program, ("user", *arguments), input=given).exit_code

    assert run("create", name, given="short\n") == 2
    assert run("create", name, given=f"{PASSWORD}\n") == 0
    assert run("grant", name, base.name, "reader") == 0
    found = strict.users.by_name(name)
    assert strict.users.roles(found.id)[1] == {base.id: Role.READER}
    assert strict.sessions.sign_in(name, PASSWORD, "192.0.2.1")
    assert run("password", name, given="another one altogether\n") == 0
    with pytest.raises(WrongPassword):
        strict.sessions.sign_in(name, PASSWORD, "192.0.2.1")
    assert run("disable", name) == 0
    assert strict.users.get(found.id).disabled
    assert run("list", "--json") == 0


def test_two_who_share_a_browser_have_conversations_of_their_own(
    browser: httpx.Client, strict: Services, user: User
) -> None:
    base = strict.knowledge_bases.create(f"talk-{uuid4().hex[:8]}")
    other = strict.users.create(f"fay-{uuid4().hex[:8]}", PASSWORD)
    for each in (user, other):
        strict.users.grant(each.id, base.id, Role.READER)
    sign_in(browser, user.name)
    begun = browser.post(
        f"/api/knowledge-bases/{base.name}/conversations", json={"question": "When is noon?"}
    )
    path = f"/api/conversations/{begun.json()['conversation']}"
    browser.post("/sign-out")
    sign_in(browser, other.name)
    assert browser.get("/api/conversations").json() == {"conversations": []}
    assert browser.get(path).status_code == 404
    browser.post("/sign-out")
    sign_in(browser, user.name)
    assert browser.get(path).status_code == 200
    assert "tidemark-reader" not in browser.cookies


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that ask at every turn whether they may go on."""
    monkeypatch.setattr("app.web.event_stream.ADMITTED_FOR", 0.0)
    monkeypatch.setattr("app.web.api.events.KEEP_ALIVE", 0.05)


def lose_the_session(services: Services, browser: httpx.Client, user: User) -> None:
    services.sessions.end(browser.cookies["tidemark"])


def lose_the_role(services: Services, _: httpx.Client, user: User) -> None:
    (base,) = services.users.grants()[user.id]
    services.users.grant(user.id, base, None)


def lose_the_account(services: Services, _: httpx.Client, user: User) -> None:
    services.users.set_disabled(user.id, disabled=True)


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("lose", [lose_the_session, lose_the_role, lose_the_account])
def test_events_end_for_who_may_not_read_them_any_more_and_for_nobody_else(
    browser: httpx.Client,
    strict: Services,
    user: User,
    administrator: User,
    lose: Callable[[Services, httpx.Client, User], None],
) -> None:
    base = strict.knowledge_bases.create(f"watched-{uuid4().hex[:8]}")
    strict.users.grant(user.id, base.id, Role.READER)
    path = f"/api/knowledge-bases/{base.name}/events"
    sign_in(browser, user.name)
    other = {"cookie": f"tidemark={strict.sessions.begin(administrator.id)}"}
    with (
        browser.stream("GET", path) as told,
        httpx.stream("GET", f"{browser.base_url}{path}", headers=other) as told_to_another,
    ):
        lines, others = told.iter_lines(), told_to_another.iter_lines()
        while not next(lines).startswith(":"):  # it goes on although nothing happens
            pass
        lose(strict, browser, user)
        for _ in lines:
            pass  # until it ends
        while not next(others).startswith(":"):
            pass


@pytest.mark.usefixtures("no_patience")
def test_to_watch_is_no_use_of_a_session(
    browser: httpx.Client, strict: Services, user: User
) -> None:
    base = strict.knowledge_bases.create(f"watched-{uuid4().hex[:8]}")
    strict.users.grant(user.id, base.id, Role.READER)
    sign_in(browser, user.name)

    def seen() -> Any:
        asked = text("SELECT seen_at FROM sessions WHERE user_id = :id")
        with strict.database.engine.connect() as connection:
            return connection.execute(asked, {"id": user.id}).scalar_one()

    with browser.stream("GET", f"/api/knowledge-bases/{base.name}/events") as told:
        lines = told.iter_lines()
        next(lines)
        long_ago = text("UPDATE sessions SET seen_at = NOW() - INTERVAL 1 DAY WHERE user_id = :id")
        with strict.database.engine.begin() as connection:
            connection.execute(long_ago, {"id": user.id})
        before = seen()
        for _ in range(3):
            while not next(lines).startswith(":"):
                pass
        assert seen() == before
    browser.get("/")
    assert seen() > before


def test_an_administrator_of_the_knowledge_base_ends_the_link_of_somebody_who_left(
    browser: httpx.Client, door: str, strict: Services, user: User
) -> None:
    base = strict.knowledge_bases.create(f"left-{uuid4().hex[:8]}")
    mate = strict.users.create(f"mate-{uuid4().hex[:8]}", PASSWORD)
    for who, role in ((user, Role.ADMINISTRATOR), (mate, Role.READER)):
        strict.users.grant(who.id, base.id, role)
    sign_in(browser, mate.name)
    asked = browser.post(
        f"/api/knowledge-bases/{base.name}/conversations", json={"question": "Where is the rum?"}
    ).json()
    shared = browser.post(f"/api/conversations/{asked['conversation']}/share").json()["url"]
    links = f"/api/knowledge-bases/{base.name}/shared"
    page = f"/conversations/shared?knowledge-base={base.name}"
    assert browser.get(links).status_code == browser.get(page).status_code == 403
    assert browser.delete(f"{links}/{asked['conversation']}").status_code == 403
    strict.users.grant(mate.id, base.id, None)
    assert browser.delete(f"/api/conversations/{asked['conversation']}/share").status_code == 404
    sign_in(browser, user.name)
    assert page in browser.get("/conversations").text
    (link,) = browser.get(links).json()["links"]
    assert (link["title"], link["by"], link["may_read"]) == ("Where is the rum?", mate.name, False)
    told = browser.get(page).text
    assert f"{mate.name}</bdi>, who may not read" in told
    assert shared.rpartition("/")[2] not in told
    assert httpx.get(f"{door}{shared}").status_code == 200
    form = {"knowledge-base": base.name, "conversation": link["conversation"]}
    for _ in range(2):  # twice, as forms are sent
        ended = browser.post("/conversations/shared", data=form, follow_redirects=True)
        assert "reads nothing any more" in ended.text
    assert httpx.get(f"{door}{shared}").status_code == 404
    assert browser.get(links).json() == {"links": []}
    assert browser.delete(f"{links}/{link['conversation']}").status_code == 404


def test_the_page_of_links_begins_with_a_knowledge_base_that_one_administers(
    browser: httpx.Client, strict: Services, user: User
) -> None:
    for name, role in (("a", Role.READER), ("b", Role.ADMINISTRATOR)):
        base = strict.knowledge_bases.create(f"{name}-{uuid4().hex[:8]}")
        strict.users.grant(user.id, base.id, role)
    sign_in(browser, user.name)
    shown = browser.get("/conversations/shared").text
    assert f'<option value="{base.name}" selected' in shown
    assert shown.count("<option") == 1
