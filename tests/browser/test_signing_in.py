"""Signing in with a real browser, at a Tidemark that others can reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.access.rights import Role
from app.services import Services
from tests.browser.conftest import NARROW, PATIENCE, WIDE
from tests.server import application, served

PASSWORD = "the tide turns at noon"


@pytest.fixture(scope="module")
def door(services: Services) -> Iterator[tuple[str, str]]:
    """Where it is, and the link by which the first administrator comes in."""
    strict = replace(services, callers=replace(services.callers, asks=True))
    app = application(services.settings, strict)
    with served(app) as address:
        yield address, f"{address}/welcome?token={services.welcomes.begin()}"


@pytest.fixture(params=["light", "dark"])
def visitor(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = chromium.new_context(color_scheme=request.param)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def well(page: Page) -> None:
    """Readable by everyone, on a wide screen and on a small phone."""
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 800})
        assert [each["id"] for each in Axe().run(page).response["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_the_first_administrator_comes_in_makes_a_user_and_a_key(
    chromium: Browser, door: tuple[str, str], services: Services
) -> None:
    address, link = door
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(link)
    well(page)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("A new password").fill(PASSWORD)
    page.get_by_role("button", name="Become the administrator").click()
    expect(page.get_by_role("link", name="Account")).to_be_visible()
    page.goto(f"{address}/users")
    page.get_by_label("Name", exact=True).fill("ben")
    page.get_by_label("A first password").fill(PASSWORD)
    page.get_by_role("button", name="Add").click()
    page.get_by_label("Role in default").select_option("reader")
    with page.expect_navigation():
        page.get_by_role("button", name="Save the role in default").click()
    expect(page.get_by_label("Role in default")).to_have_value("reader")
    well(page)
    page.goto(f"{address}/account")
    box = page.get_by_label("search, and read documents").bounding_box()
    assert box is not None
    assert box["width"] < 30  # as wide as a field, it pushed its words into a corner
    assert list(services.users.grants().values()) == [
        {services.first_knowledge_base().id: Role.READER}
    ]
    page.goto(f"{address}/account")
    page.get_by_label("What it is for").fill("reports")
    page.get_by_label("search, and read documents").check()
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator(".secret")).to_contain_text("tm-")
    well(page)
    page.goto(f"{address}/audit")
    expect(page.locator("tbody")).to_contain_text("create user")
    context.close()


def test_a_reader_signs_in_to_what_they_may_read_and_out_again(
    visitor: Page, door: tuple[str, str]
) -> None:
    address, _ = door
    visitor.goto(f"{address}/documents")
    well(visitor)
    sign_in(visitor, "ben", "not the password")
    expect(visitor.get_by_role("alert")).to_contain_text("do not belong together")
    well(visitor)
    sign_in(visitor, "ben")
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Documents")
    expect(visitor.get_by_role("link", name="Status")).to_have_count(0)
    expect(visitor.get_by_label("Upload files")).to_be_hidden()
    expect(visitor.get_by_role("button", name="Load the handbook")).to_have_count(0)
    well(visitor)
    visitor.goto(f"{address}/users")
    expect(visitor.get_by_role("heading", level=1)).to_contain_text("Only an administrator")
    visitor.goto(f"{address}/account")
    with visitor.expect_navigation():
        visitor.get_by_role("button", name="Sign out everywhere").click()
    visitor.goto(f"{address}/documents")
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_page_that_is_open_says_that_nothing_is_followed_after_signing_out_elsewhere(
    chromium: Browser, door: tuple[str, str], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.event_stream.ADMITTED_FOR", 0.0)
    monkeypatch.setattr("app.web.api.events.KEEP_ALIVE", 0.1)
    address, _ = door
    user = services.users.create("cleo", PASSWORD)
    services.users.grant(user.id, services.first_knowledge_base().id, Role.READER)
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    open_all_along, other = context.new_page(), context.new_page()
    open_all_along.goto(f"{address}/documents")
    sign_in(open_all_along, "cleo")
    expect(open_all_along.get_by_role("heading", level=1)).to_have_text("Documents")
    other.goto(f"{address}/account")
    with other.expect_navigation():
        other.get_by_role("button", name="Sign out", exact=True).click()
    expect(open_all_along.get_by_text("is not shown here any more")).to_be_visible()
    open_all_along.reload()
    expect(open_all_along.get_by_role("heading", level=1)).to_have_text("Sign in")
    context.close()
