"""Uploading, watching what becomes of it, and deleting."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from app.documents.labels import Labels
from app.errors import PageUnavailable
from app.ingestion.fetching import AddressKind, AddressState
from app.services import Services
from tests import waiting
from tests.browser.conftest import PATIENCE, Faults
from tests.browser.library import PILOTAGE, SAFETY, Library
from tests.factories import pdf
from tests.fakes import WatchedEmbedder
from tests.server import application, served

LONG = "".join(f"## Day {n}\n\nOn day {n} the keeper wrote {n * n}.\n\n" for n in range(400))


@pytest.fixture
def shelf(services: Services, address: str) -> Iterator[Library]:
    """An empty knowledge base of the test's own."""
    shelf = Library(services, services.knowledge_bases.create(f"shelf-{uuid4().hex[:8]}"), address)
    yield shelf
    shelf.settle()


def table_row(page: Page, name: str):  # noqa: ANN201
    return page.locator("table.documents tbody tr").filter(has_text=name)


def test_files_are_picked_watched_and_found(
    page: Page, shelf: Library, files: Path, embedder: WatchedEmbedder
) -> None:
    watched = threading.Event()
    embedder.before = lambda _: watched.wait(waiting.PATIENCE) and None
    (files / "pilotage.md").write_text(PILOTAGE)
    (files / "logbook.md").write_text(LONG)
    page.goto(shelf.at("/documents"))
    page.get_by_label("Upload files").set_input_files(sorted(files.iterdir()))
    row = page.locator(".upload").filter(has_text="logbook.md")
    expect(row.get_by_role("progressbar")).to_be_visible()
    expect(row).to_contain_text("chunks")
    watched.set()
    embedder.before = None
    expect(table_row(page, "logbook.md")).to_contain_text("ready")
    expect(table_row(page, "pilotage.md")).to_contain_text("Markdown")
    expect(page.locator(".upload")).to_have_count(0)
    expect(page.get_by_role("heading", name="2 documents")).to_be_visible()
    page.goto(shelf.at("/", q="charted depth of the bar"))
    expect(page.locator(".result h2").first).to_have_text("Pilotage guide")


def test_files_are_dropped_anywhere_on_the_page(page: Page, shelf: Library) -> None:
    page.goto(shelf.at("/documents"))
    dropped = page.evaluate_handle(
        """(text) => {
          const moved = new DataTransfer();
          moved.items.add(new File([text], "dropped.md", { type: "text/markdown" }));
          return moved;
        }""",
        SAFETY,
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": dropped})
    expect(page.locator("body")).to_have_class("documents dragging")
    page.dispatch_event("h1", "drop", {"dataTransfer": dropped})
    expect(table_row(page, "dropped.md")).to_contain_text("ready")
    expect(page.locator("#notice")).to_have_text("dropped.md is ready.")


def test_a_failure_says_why_and_stays_until_it_is_dealt_with(
    page: Page, shelf: Library, files: Path, faults: Faults
) -> None:
    faults.expect("422")  # the browser's own line about the empty file's reply
    (files / "empty.txt").write_bytes(b"")
    (files / "locked.pdf").write_bytes(pdf(["Nobody reads this."], password="secret"))
    page.goto(shelf.at("/documents"))
    page.get_by_label("Upload files").set_input_files(sorted(files.iterdir()))
    empty = page.locator(".upload").filter(has_text="empty.txt")
    expect(empty).to_contain_text("not taken in")
    expect(empty).to_contain_text("Upload a file that has text in it.")
    empty.get_by_role("button", name="Put away").click()
    expect(empty).to_have_count(0)
    locked = page.locator(".upload").filter(has_text="locked.pdf")
    expect(locked).to_contain_text("failed")
    expect(locked).to_contain_text("protected with a password")
    page.reload()
    expect(locked).to_contain_text("Save a copy without the password")
    locked.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(locked).to_have_count(0)
    page.reload()
    expect(page.locator(".upload")).to_have_count(0)


def test_word_of_a_job_that_was_on_its_way_brings_no_deleted_document_back(
    page: Page, shelf: Library
) -> None:
    content = pdf(["Nobody reads this."], password="secret")
    shelf.services.uploads.receive(shelf.base, "locked.pdf", [content])
    locked = page.locator(".upload").filter(has_text="locked.pdf")
    page.goto(shelf.at("/documents"))
    expect(locked).to_contain_text("protected with a password")
    told = page.evaluate(
        """async () => {
          const base = new URLSearchParams(location.search).get("knowledge-base");
          const events = new EventSource(`/api/knowledge-bases/${base}/events`);
          const heard = await new Promise((done) => events.addEventListener("snapshot", done));
          events.close();
          return heard.data;
        }"""
    )

    def late(route: Route) -> None:
        event = f"retry: 50\nevent: changes\ndata: {told}\n\n"
        route.fulfill(status=200, content_type="text/event-stream", body=event)

    page.route("**/events", late)
    page.reload()
    expect(locked).to_contain_text("protected with a password")
    locked.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#notice")).to_have_text("locked.pdf was deleted.")
    for _ in range(2):
        with page.expect_request("**/events"):
            pass
    expect(locked).to_have_count(0)


def test_a_reply_that_comes_after_its_job_has_ended_hides_no_end(
    page: Page, shelf: Library, files: Path
) -> None:
    locked = page.locator(".upload").filter(has_text="locked.pdf")
    content = pdf(["Nobody reads this."], password="secret")
    (files / "locked.pdf").write_bytes(content)

    def late(route: Route) -> None:
        taken = shelf.services.uploads.receive(shelf.base, "locked.pdf", [content])
        expect(locked.filter(has_text="protected with a password")).to_have_count(1)
        file = {"status": "accepted", "job_id": taken.job_id, "document_id": taken.document_id}
        route.fulfill(status=202, json={"files": [file]})

    page.goto(shelf.at("/documents"))
    page.route("**/documents", late)
    with page.expect_response("**/documents"):
        page.get_by_label("Upload files").set_input_files(files / "locked.pdf")
    expect(locked).to_have_count(1)
    expect(locked).to_contain_text("protected with a password")


def test_the_same_bytes_again_are_nothing_to_do(page: Page, shelf: Library, files: Path) -> None:
    shelf.add("safety.md", SAFETY.encode())
    shelf.settle()
    (files / "safety.md").write_text(SAFETY)
    page.goto(shelf.at("/documents"))
    page.get_by_label("Upload files").set_input_files(files / "safety.md")
    expect(page.locator(".upload")).to_contain_text("here already, same bytes")


def test_a_document_is_deleted_only_once_it_is_confirmed(page: Page, shelf: Library) -> None:
    shelf.add("safety.md", SAFETY.encode())
    shelf.settle()
    page.goto(shelf.at("/documents"))
    row = table_row(page, "safety.md")
    row.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("safety.md leaves every search")
    page.get_by_role("button", name="Keep").click()
    expect(row).to_have_count(1)
    row.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    expect(page.locator("#notice")).to_have_text("safety.md was deleted.")
    page.goto(shelf.at("/", q="closing the quay"))
    expect(page.locator(".result")).to_have_count(0)


def test_a_document_that_was_deleted_by_mistake_is_brought_back(page: Page, shelf: Library) -> None:
    shelf.add("safety.md", SAFETY.encode())
    shelf.settle()
    page.goto(shelf.at("/documents"))
    expect(page.get_by_role("link", name="Bring it back")).to_be_hidden()
    table_row(page, "safety.md").get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("link", name="Bring it back").click()
    page.get_by_role("button", name="Bring back safety.md").click()
    expect(page.locator("#notice")).to_have_text("1 document brought back.")
    expect(table_row(page, "safety.md")).to_contain_text("ready")
    page.goto(shelf.at("/", q="closing the quay"))
    expect(page.locator(".result").first).to_be_visible()


def test_chosen_documents_are_deleted_together(page: Page, shelf: Library) -> None:
    for number in range(3):
        shelf.add(f"note-{number}.txt", f"Note {number} of the harbour.".encode())
    shelf.settle()
    page.goto(shelf.at("/documents"))
    page.get_by_label("Choose note-0.txt").check()
    page.get_by_label("Choose note-2.txt").check()
    page.get_by_role("button", name="Delete the chosen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete these 2 documents?")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#notice")).to_have_text("2 documents deleted.")
    expect(page.locator("table.documents tbody tr")).to_have_count(1)


def test_the_table_is_filtered_and_sorted(page: Page, shelf: Library) -> None:
    for name, text in (("b.txt", "bb" * 40), ("a.txt", "a"), ("100%_c.md", "c" * 900)):
        shelf.add(name, text.encode())
    shelf.settle()
    page.goto(shelf.at("/documents"))
    names = page.locator("td.name")
    expect(names).to_have_text(["100%_c.md", "a.txt", "b.txt"])
    page.get_by_role("link", name="Size").click()
    expect(names).to_have_text(["a.txt", "b.txt", "100%_c.md"])
    page.get_by_role("link", name="Size").click()
    expect(names).to_have_text(["100%_c.md", "b.txt", "a.txt"])
    expect(page.locator("th.size")).to_have_attribute("aria-sort", "descending")
    page.get_by_label("Filter by name").fill("0%_")
    page.get_by_role("button", name="Filter").click()
    expect(names).to_have_text(["100%_c.md"])
    page.get_by_label("Filter by name").fill("zebra")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No document has “zebra” in its name.")).to_be_visible()


def test_an_empty_store_offers_the_handbook(page: Page, shelf: Library) -> None:
    page.goto(shelf.at("/"))
    expect(page.get_by_role("heading", name="Nothing to read here yet")).to_be_visible()
    page.get_by_role("button", name="Load the handbook").click()
    expect(page.locator("#notice")).to_contain_text("taken in")
    expect(page.locator("td.state").first).to_have_text("ready")
    page.goto(shelf.at("/", q="how are chunks made"))
    expect(page.locator(".result").first).to_be_visible()


def test_one_upload_is_cancelled_and_tried_again_and_all_are_paused(
    page: Page, shelf: Library
) -> None:
    page.goto(shelf.at("/documents"))
    shelf.services.job_control.pause_all(shelf.base)
    shelf.add("safety.md", SAFETY.encode())
    page.reload()
    expect(page.get_by_text("This knowledge base is paused")).to_be_visible()
    row = page.locator(".upload").filter(has_text="safety.md")
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_contain_text("cancelled")
    expect(row.get_by_role("button", name="Pause")).to_have_count(0)
    row.get_by_role("button", name="Try again").click()
    expect(row).to_contain_text("waiting")
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("paused")
    row.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Resume all").click()
    expect(table_row(page, "safety.md")).to_contain_text("ready")


def test_the_failures_say_why_and_all_are_tried_again(page: Page, shelf: Library) -> None:
    shelf.add("locked.pdf", pdf(["Nobody reads this."], password="secret"))
    shelf.settle()
    page.goto(shelf.at("/documents"))
    page.get_by_role("link", name="1 failed").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Failures")
    row = page.locator(".upload").filter(has_text="locked.pdf")
    expect(row.locator(".reason span")).to_have_text(
        "Save a copy without the password, and upload that."
    )
    page.get_by_role("button", name="Try all again").click()
    expect(page.locator(".upload").filter(has_text="failed")).to_have_count(1)


def test_what_embedding_would_cost_is_told_and_agreed_to_before_files_are_taken_in(
    chromium: Browser, services: Services, shelf: Library, files: Path
) -> None:
    paid = replace(services.estimator, price=lambda _: 5.0)
    with served(application(services.settings, replace(services, estimator=paid))) as address:
        context = chromium.new_context(base_url=address)
        context.set_default_timeout(PATIENCE)
        (files / "pier.md").write_text(SAFETY)
        page = context.new_page()
        page.goto(f"/documents?knowledge-base={shelf.base.name}")
        asking = page.get_by_role("dialog", name="Embed them at this price?")
        for answer in ("Leave it", "Upload"):
            page.get_by_label("Upload files").set_input_files(files / "pier.md")
            expect(asking).to_contain_text(re.compile(r"1 file with \d+ tokens .* at most \$0\.0"))
            assert Axe().run(page).response["violations"] == []
            assert page.locator(".uploads .upload").count() == 0
            asking.get_by_role("button", name=answer).click()
        # Its row above the table goes once it is ready, which may be before one looks.
        expect(table_row(page, "pier.md")).to_contain_text("ready")
        context.close()


def test_the_queue_of_addresses_is_followed_as_it_is_worked_off(page: Page, shelf: Library) -> None:
    queue = shelf.services.addresses
    # Of a knowledge base that is paused, the worker fetches nothing: the test does.
    shelf.services.job_control.pause_all(shelf.base)
    pages = ["https://example.com/tides", "https://example.com/moon"]
    queue.add(shelf.base, {AddressKind.PAGE: pages}, Labels())
    page.goto(shelf.at("/documents/addresses"))
    states = page.get_by_role("navigation", name="Addresses by what became of them")
    expect(states.get_by_role("link")).to_have_text(["2 waiting"])
    page.get_by_label("Addresses, one on each line").fill("https://example.com/lamp")
    tides, moon = queue.listed(shelf.base, AddressState.WAITING)
    queue.fetched(tides, None)
    expect(states.get_by_role("link")).to_have_text(["1 waiting", "1 fetched"])
    expect(page.locator("#queue")).to_contain_text("1 a minute, about 1 minute left")
    states.get_by_role("link", name="waiting").focus()
    queue.failed(moon, PageUnavailable("The site has no such page."))
    expect(states.get_by_role("link")).to_have_text(["0 waiting", "1 fetched", "1 failed"])
    expect(page.get_by_role("status")).to_have_text("Nothing waits to be fetched any more.")
    expect(states.get_by_role("link", name="waiting")).to_be_focused()
    expect(page.get_by_label("Addresses, one on each line")).to_have_value(re.compile("lamp"))
    page.goto(shelf.at("/documents"))
    counted = page.locator("#addresses")
    expect(counted).to_have_text("1 address could not be fetched")
    queue.add(shelf.base, {AddressKind.PAGE: pages[:1]}, Labels())
    expect(counted).to_have_text("1 address still to be fetched, 1 address could not be fetched")
