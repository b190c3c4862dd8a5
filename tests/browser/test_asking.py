"""Asking: the answer, its marks, its sources, and how it is stopped."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import pytest
from playwright.sync_api import Page, Route, expect

from app.answering.answer import Usage
from app.answering.prompt import Message
from app.services import Services
from tests.browser.conftest import Faults
from tests.browser.library import Library
from tests.fake_chat import FakeGenerator
from tests.server import application, served
from tests.waiting import PATIENCE

TURN = "When does the stream turn at the pier heads?"
WRITTEN = (
    "The stream turns forty minutes before high water [1]. "
    "<b>Seals</b> like it there, says [the keeper](http://example.org)."
)


@dataclass
class Endless:
    """A chat model that goes on until it is closed."""

    model: str = "fake/endless"
    closed: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        self.closed.set()

    def stream(self, _messages: Sequence[Message]) -> Generator[str | Usage, None, None]:
        try:
            yield "The stream turns forty minutes before high water [1]. "
            while not self.closed.wait(0.05):
                yield "And on it goes. "
        finally:
            self.closed.set()


@pytest.fixture
def written(services: Services, address: str) -> Iterator[str]:
    """Where a chat model writes the answers."""
    with_model = replace(services, generator=FakeGenerator(WRITTEN))
    with served(application(services.settings, with_model)) as elsewhere:
        yield elsewhere


def ask(page: Page, library: Library, question: str) -> None:
    page.goto(library.at("/ask"))
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def test_extracts_are_labelled_and_open_at_their_quote(page: Page, library: Library) -> None:
    ask(page, library, TURN)
    answer = page.get_by_role("article", name="Answer")
    expect(answer.locator(".label")).to_have_text("Extracts: the documents’ own words")
    expect(answer).to_contain_text("The stream turns forty minutes before high water")
    expect(page).to_have_url(re.compile(r"/ask\?q=When"))
    cite = answer.locator(".sentence", has_text="forty minutes").locator(".cite")
    cite.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("pilotage.md")
    cite.click()
    pane = page.get_by_role("dialog", name="pilotage.md")
    expect(pane.locator("mark")).to_contain_text("forty minutes before high water")
    expect(pane.locator("mark")).to_be_in_viewport()
    pane.get_by_role("link", name="Open the document").click()
    expect(page.locator("#passage")).to_contain_text("forty minutes before high water")


def test_an_answer_that_was_there_before_the_page_looked_is_whole(
    page: Page, library: Library
) -> None:
    def late(route: Route) -> None:
        route.fetch()  # which ends with the answer
        route.continue_()

    page.route("**/api/turns/*/events", late)
    ask(page, library, TURN)
    answer = page.get_by_role("article", name="Answer")
    expect(answer.locator(".summary")).to_be_visible()
    expect(answer.locator(".said")).to_contain_text("forty minutes before high water")
    expect(answer.locator(".cite").first).to_be_visible()


def test_a_pdfs_page_is_shown_with_the_quote_boxed(page: Page, library: Library) -> None:
    ask(page, library, "How high is the tide at springs?")
    page.locator(".cite[data-quote*='4.1 metres']").first.click()
    pane = page.get_by_role("dialog", name="tables.pdf")
    picture = pane.get_by_role("img")
    expect(picture).to_have_attribute("alt", re.compile("Page 2 of tables.pdf as it looks"))
    expect(picture).to_be_visible()
    assert picture.evaluate("async (image) => (await image.decode(), image.naturalWidth)") == 1000
    pane.get_by_role("button", name="Show the text").click()
    expect(pane.locator("mark")).to_contain_text("4.1 metres")
    expect(picture).to_be_hidden()
    pane.get_by_role("link", name="Open the document").click()
    page.get_by_text("Page 2 as it looks").click()
    expect(page.get_by_role("img", name="Page 2 as it looks")).to_be_visible()


def test_sources_are_walked_by_keyboard(page: Page, library: Library) -> None:
    ask(page, library, TURN)
    cites = page.locator("#output .cite")
    expect(page.locator(".summary")).to_be_visible()
    cites.first.focus()
    page.keyboard.press("Enter")
    pane = page.get_by_role("dialog")
    total = cites.count()
    expect(page.locator("#source-count")).to_have_text(f"1 of {total}")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#source-count")).to_have_text(f"{min(2, total)} of {total}")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#source-count")).to_have_text(f"1 of {total}")
    page.keyboard.press("Escape")
    expect(pane).to_have_count(0)
    expect(cites.first).to_be_focused()


def test_going_back_shows_the_answer_as_it_was(page: Page, library: Library) -> None:
    ask(page, library, TURN)
    said = page.locator(".said")
    expect(page.locator(".summary")).to_be_visible()
    words = said.inner_text()
    page.get_by_role("link", name="Documents", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Documents")
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if r.method == "POST" else None)
    page.go_back()
    expect(said).to_have_text(words)
    assert asked == []


def test_nothing_found_says_what_was_looked_for(page: Page, library: Library) -> None:
    ask(page, library, "Who won the chess championship in Reykjavik?")
    expect(page.locator(".label")).to_have_text("Nothing found")
    expect(page.locator(".explanation")).to_contain_text("chess")
    expect(page.get_by_role("heading", name="Nearest passages")).to_be_visible()
    expect(page.locator(".source a").first).to_be_visible()


def test_a_written_answer_marks_each_sentence(written: str, page: Page, library: Library) -> None:
    page.goto(written + library.at("/ask", q=TURN))
    answer = page.get_by_role("article", name="Answer")
    expect(answer.locator(".label")).to_have_text("Written by fake/chat from harbour")
    first, second = answer.locator(".sentence").all()
    expect(first).to_have_attribute("data-support", "supported")
    expect(second).to_contain_text("no source")
    expect(answer.locator(".summary")).to_contain_text("1 sentence supported, 1 unsupported")
    answer.get_by_text("What was checked").click()
    expect(answer.locator(".checked")).to_contain_text("no source: no passage says it")


def test_a_models_words_are_never_markup(written: str, page: Page, library: Library) -> None:
    for whole in (0, 1):
        page.goto(written + library.at("/ask", q=TURN, whole=whole))
        expect(page.locator(".said")).to_contain_text("<b>Seals</b>")
        expect(page.locator(".said")).to_contain_text("[the keeper](http://example.org)")
        assert page.locator(".said b, .said a[href*='example.org']").count() == 0


def test_an_answer_is_stopped_and_what_was_written_stays(
    page: Page, library: Library, services: Services
) -> None:
    endless = Endless()
    with served(application(services.settings, replace(services, generator=endless))) as address:
        page.goto(address + library.at("/ask", q=TURN))
        expect(page.locator(".said")).to_contain_text("And on it goes.")
        expect(page.locator(".found li").first).to_contain_text("pilotage.md")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#stage")).to_have_text("Stopped. What was written is kept.")
        expect(page.locator(".said")).to_contain_text("forty minutes before high water")
        assert endless.closed.wait(PATIENCE), "the chat model was not stopped"
        page.goto("about:blank")


def test_an_answer_that_cannot_be_had_says_why(
    page: Page, library: Library, faults: Faults
) -> None:
    faults.expect("ERR_FAILED")
    page.goto(library.at("/ask"))
    page.route("**/conversations", lambda route: route.abort())
    page.get_by_label("Your question").fill(TURN)
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("alert")).to_contain_text("Tidemark did not answer.")


def test_an_answer_goes_on_through_a_reload(
    page: Page, library: Library, services: Services
) -> None:
    endless = Endless()
    app = application(services.settings, replace(services, generator=endless))
    with served(app) as address, closing(endless):
        page.goto(address + library.at("/ask", q=TURN))
        expect(page.locator(".said")).to_contain_text("And on it goes.")
        page.reload()
        expect(page.locator(".asked")).to_have_text(TURN)
        expect(page.locator(".said")).to_contain_text("forty minutes before high water")
        expect(page.locator(".said")).to_contain_text("And on it goes.")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#stage")).to_have_text("Stopped. What was written is kept.")
        assert endless.closed.wait(PATIENCE), "the chat model was not stopped"
        page.goto("about:blank")
    app.state.live_answers.close()


def test_a_follow_up_a_second_try_and_a_shared_link(page: Page, library: Library) -> None:
    ask(page, library, TURN)
    expect(page.locator(".summary")).to_be_visible()
    page.reload()
    page.get_by_label("Your question").fill("And what about it at night?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="And what about it at night?")).to_be_visible()
    expect(page.locator("#stage")).to_have_text("")
    expect(page.locator(".turn")).to_have_count(2)
    page.locator(".turn").last.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("2 of 2")).to_be_visible()
    page.get_by_role("link", name="Previous try").click()
    expect(page.get_by_text("1 of 2")).to_be_visible()
    page.get_by_role("button", name="Share by a link").click()
    page.locator("#shared-link a").click()
    expect(page.get_by_text("Shared with you to read")).to_be_visible()
    expect(page.get_by_role("article", name="Answer").first).to_contain_text("high water")


def test_a_question_that_is_sent_twice_is_asked_once(page: Page, library: Library) -> None:
    page.goto(library.at("/ask"))
    page.get_by_label("Your question").fill(TURN)
    page.evaluate(
        "const f = document.getElementById('asking'); f.requestSubmit(); f.requestSubmit()"
    )
    expect(page.locator(".summary")).to_be_visible()
    listed = page.evaluate("fetch('/api/conversations').then((reply) => reply.json())")
    assert len(listed["conversations"]) == 1
    page.emulate_media(media="print")  # the question is on the paper, and no button
    expect(page.get_by_label("Your question")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("link", name="Ask a follow-up")).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("link", name="Ask a follow-up").click()
    page.wait_for_url("**conversation=*")  # with its scripts, before which no button does anything
    page.get_by_role("button", name="Try again").evaluate("(it) => { it.click(); it.click(); }")
    expect(page.get_by_text("2 of 2")).to_be_visible()


def test_a_further_knowledge_base_is_asked_and_its_citation_opens_there(
    page: Page, library: Library, services: Services
) -> None:
    stores = replace(library, base=services.knowledge_bases.create("stores"))
    stores.add("rum.md", b"The rum for the pier heads is kept in the cellar of the north tower.")
    stores.settle()
    page.goto(library.at("/ask"))
    page.get_by_text("Ask further knowledge bases at once").click()
    expect(page.get_by_role("checkbox", name="harbour")).to_have_count(0)  # asked in any case
    page.get_by_role("checkbox", name="stores").check()
    page.get_by_label("Your question").fill("Where is the rum for the pier heads kept?")
    page.keyboard.press("Enter")
    answer = page.get_by_role("article", name="Answer")
    cite = answer.locator(".sentence", has_text="cellar").locator(".cite")
    cite.click()
    pane = page.get_by_role("dialog", name="rum.md")
    expect(pane.locator("#source-place")).to_have_text("stores")
    expect(pane.locator("mark")).to_contain_text("north tower")
    page.get_by_role("link", name="Ask a follow-up").click()
    expect(page.get_by_text("Asked of harbour, stores")).to_be_visible()
    expect(page.get_by_role("checkbox", name="stores")).to_be_checked()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("2 of 2")).to_be_visible()
    again = page.locator(".turn").last
    expect(again.locator(".source .place", has_text="stores")).to_be_visible()
    services.knowledge_bases.delete("stores")
    page.reload()
    expect(page.get_by_text("not there for you")).to_be_visible()


def test_conversations_are_listed_renamed_and_deleted_without_scripts(
    page: Page, plain_page: Page, library: Library
) -> None:
    ask(page, library, TURN)
    expect(page.locator(".summary")).to_be_visible()
    plain_page.context.add_cookies(
        [each for each in page.context.cookies() if each["name"] == "tidemark-reader"]  # type: ignore[misc]
    )
    plain_page.goto("/conversations?q=stream")
    entry = plain_page.locator(".conversations li").first
    entry.get_by_text("Change").click()
    entry.get_by_label("Title").fill("When the stream turns")
    entry.get_by_role("button", name="Rename").click()
    expect(plain_page.locator(".conversations")).to_contain_text("When the stream turns")
    plain_page.get_by_role("link", name="When the stream turns").click()
    expect(plain_page.locator(".said").first).to_contain_text("high water")
    plain_page.goto("/conversations")
    entry.get_by_text("Change").click()
    entry.get_by_role("button", name="Delete").click()
    plain_page.get_by_role("button", name="Undo").click()
    expect(plain_page.locator(".conversations")).to_contain_text("When the stream turns")
