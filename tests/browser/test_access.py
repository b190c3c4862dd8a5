"""Every page, in both themes and at phone width, for everyone who reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, expect

from tests.browser.conftest import NARROW, PATIENCE, WIDE, Faults, watched
from tests.browser.library import Library

HEAVIEST = 100_000  # bytes of a page with its style, scripts and icon
QUESTION = "when does the stream turn"
PAGES = {
    "first use": lambda _: "/?knowledge-base=default",
    "search": lambda library: library.at("/"),
    "results": lambda library: library.at("/", q=QUESTION),
    "too long": lambda library: library.at("/", q="tide " * 1700),
    "ask": lambda library: library.at("/ask"),
    "answer": lambda library: library.at("/ask", q=QUESTION),
    "whole answer": lambda library: library.at("/ask", q=QUESTION, whole=1),
    "conversations": lambda _: "/conversations",
    "shared links": lambda library: library.at("/conversations/shared"),
    "nothing found": lambda library: library.at("/ask", q="who won at chess", whole=1),
    "documents": lambda library: library.at("/documents"),
    "no documents": lambda _: "/documents?knowledge-base=default",
    "a document": lambda library: f"/documents/{library.document('pilotage.md').id}",
    "a document of pages": lambda library: f"/documents/{library.document('tables.pdf').id}",
    "a passage": lambda library: (
        f"/documents/{library.document('pilotage.md').id}?start=200&end=260#passage"
    ),
    "delete": lambda library: f"/documents/delete?document={library.document('safety.md').id}",
    "history": lambda library: f"/documents/{library.document('pilotage.md').id}/history",
    "deleted": lambda library: library.at("/documents/deleted"),
    "failures": lambda library: library.at("/documents/failures"),
    "addresses": lambda library: library.with_addresses().at("/documents/addresses"),
    "quality": lambda library: library.measured(),
    "answers": lambda library: library.measured().replace("/quality", "/quality/answers"),
    "no quality": lambda _: "/quality?knowledge-base=default",
    "indexes": lambda library: library.at("/indexes"),
    "no indexes": lambda _: "/indexes?knowledge-base=default",
    "indexes in trouble": lambda library: library.troubled(),
    "an index's plan": lambda library: library.at("/indexes/new", chunk_tokens=64),
    "two indexes": lambda library: library.at(
        "/indexes/compare", index=library.second_index(), q="when does the stream turn"
    ),
    "synonyms": lambda library: library.at("/synonyms"),
    "everywhere": lambda library: library.at("/", q=QUESTION, everywhere=1),
    "misspelt": lambda library: library.at("/", q="harbuor"),
    "map": lambda library: library.mapped(),
    "no map": lambda _: "/map?knowledge-base=default",
    "status": lambda _: "/status",
    "a chat model": lambda _: "/status/chat-model",
    "keys": lambda _: "/account",
    "users": lambda _: "/users",
    "who did what": lambda _: "/audit",
    "spending": lambda _: "/spending",
    "models": lambda _: "/providers?preset=NanoGPT",
    "two models": lambda library: library.at("/providers/compare", q=QUESTION),
    "error": lambda _: "/nowhere",
}


@pytest.fixture(scope="module", params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def themed_page(chromium: Browser, address: str, theme: str) -> Iterator[Page]:
    """One that goes from address to address: a new one each time takes half a second."""
    context = chromium.new_context(color_scheme=theme, base_url=address)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def faults_of_all() -> Faults:
    """What is found on pages that say by their status that something is not there."""
    return Faults([], ["422", "404"])


@pytest.fixture(scope="module")
def page_for_all(chromium: Browser, address: str, faults_of_all: Faults) -> Iterator[Page]:
    """One that goes from address to address, as the themed one."""
    yield from watched(chromium.new_context(base_url=address), address, faults_of_all)


@pytest.fixture
def each_page(page_for_all: Page, faults_of_all: Faults) -> Iterator[Page]:
    """That page for one address; whatever it does wrong there fails the test."""
    yield page_for_all
    unexpected = faults_of_all.unexpected()
    faults_of_all.found.clear()
    assert unexpected == []


def opened(page: Page, name: str, library: Library, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(PAGES[name](library))
    if name == "answer":
        expect(page.locator(".summary")).to_be_visible()


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {json.dumps(each['nodes'][0]['target'])}" for each in found]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(themed_page: Page, library: Library, name: str) -> None:
    for width in (WIDE, NARROW):
        opened(themed_page, name, library, width)
        assert violations(themed_page) == []


def test_axe_finds_nothing_in_what_opens(themed_page: Page, library: Library) -> None:
    for width in (WIDE, NARROW):
        opened(themed_page, "answer", library, width)
        themed_page.locator("#output .cite").first.click()
        expect(themed_page.locator("#source-text mark")).to_be_visible()
        assert violations(themed_page) == []
        themed_page.keyboard.press("Escape")
        themed_page.get_by_role("button", name="Keys").click()
        assert violations(themed_page) == []
    opened(themed_page, "documents", library, WIDE)
    themed_page.get_by_role("link", name="Delete safety.md").click()
    assert violations(themed_page) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_small_phone(each_page: Page, library: Library, name: str) -> None:
    opened(each_page, name, library, NARROW)
    width = "document.documentElement.scrollWidth"
    assert each_page.evaluate(width) <= NARROW


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_one_heading_and_a_way_past_the_navigation(
    each_page: Page, library: Library, name: str
) -> None:
    opened(each_page, name, library, WIDE)
    assert each_page.locator("h1").count() == 1
    assert each_page.get_by_role("main").count() == 1
    each_page.locator("body").evaluate("document.activeElement.blur()")
    each_page.get_by_role("link", name="Skip to the content").focus()
    each_page.keyboard.press("Enter")
    assert each_page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("name", ["results", "answer", "documents", "a document", "status"])
def test_a_page_weighs_little(page: Page, library: Library, name: str) -> None:
    replies: list[Response] = []
    page.on("response", lambda reply: replies.append(reply))  # noqa: PLW0108 - it marks what it is given
    opened(page, name, library, WIDE)
    assert 0 < sum(map(_weight, replies)) < HEAVIEST


@pytest.mark.parametrize("name", ["results", "answer", "documents", "a passage"])
def test_nothing_jumps_while_a_page_loads(page: Page, library: Library, name: str) -> None:
    page.add_init_script(
        """window.shifted = 0;
        new PerformanceObserver((list) => {
          const own = list.getEntries().filter((each) => !each.hadRecentInput);
          for (const each of own) window.shifted += each.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    opened(page, name, library, WIDE)
    assert page.evaluate("window.shifted") < 0.05


def _weight(reply: Response) -> int:
    kinds = {"document", "stylesheet", "script", "image"}
    return len(reply.body()) if reply.request.resource_type in kinds else 0
