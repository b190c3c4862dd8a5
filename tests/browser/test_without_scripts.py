"""Searching, asking, reading, uploading and deleting work without a script."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from app.services import Services
from tests.browser.conftest import Faults
from tests.browser.library import PILOTAGE, Library
from tests.factories import pdf

TURN = "when does the stream turn"


def test_a_result_opens_at_its_passage(plain_page: Page, library: Library) -> None:
    plain_page.goto(library.at("/"))
    plain_page.get_by_label("Words to look for").fill(TURN)
    plain_page.get_by_role("button", name="Search").click()
    plain_page.locator(".result h2 a").first.click()
    expect(plain_page.locator("#passage")).to_be_in_viewport()


def test_an_answer_is_whole_and_its_citations_are_links(plain_page: Page, library: Library) -> None:
    plain_page.goto(library.at("/ask"))
    plain_page.get_by_label("Your question").fill(TURN)
    plain_page.get_by_role("button", name="Ask").click()
    expect(plain_page.locator(".said")).to_contain_text("forty minutes before high water")
    said = plain_page.locator(".sentence", has_text="forty minutes")
    said.locator(".cite").click()
    expect(plain_page.locator("#passage")).to_contain_text("forty minutes")


def test_a_link_to_a_question_leads_to_its_answer(plain_page: Page, library: Library) -> None:
    plain_page.goto(library.at("/", q=TURN))
    plain_page.get_by_role("link", name="Ask these words").click()
    expect(plain_page.locator(".said")).to_contain_text("forty minutes before high water")


def test_files_are_uploaded_searched_and_deleted(
    plain_page: Page, services: Services, address: str, files: Path, faults: Faults
) -> None:
    shelf = Library(services, services.knowledge_bases.create("plain"), address)
    (files / "pilotage.md").write_text(PILOTAGE)
    (files / "locked.pdf").write_bytes(pdf(["Nobody reads this."], password="secret"))
    plain_page.goto(shelf.at("/documents"))
    plain_page.get_by_label("Upload files").set_input_files(sorted(files.iterdir()))
    plain_page.get_by_role("button", name="Upload", exact=True).click()
    expect(plain_page.locator("#notice")).to_have_text("2 files taken in.")
    shelf.settle()
    plain_page.reload()
    expect(plain_page.locator(".upload.failed")).to_contain_text("protected with a password")
    expect(plain_page.locator("td.name")).to_contain_text(["locked.pdf", "pilotage.md"])

    plain_page.goto(shelf.at("/", q=TURN))
    expect(plain_page.locator(".result h2").first).to_have_text("Pilotage guide")

    plain_page.goto(shelf.at("/documents"))
    plain_page.locator("tr", has_text="pilotage.md").get_by_role("link", name="Delete").click()
    expect(plain_page.get_by_role("heading", level=1)).to_have_text("Delete this document?")
    plain_page.get_by_role("button", name="Delete").click()
    expect(plain_page.locator("#notice")).to_have_text("1 document deleted.")
    expect(plain_page.locator("td.name")).to_have_text(["locked.pdf"])


def test_a_file_that_is_refused_is_named_and_the_others_go_on(
    plain_page: Page, services: Services, address: str, files: Path, faults: Faults
) -> None:
    faults.expect("422")
    shelf = Library(services, services.knowledge_bases.create("refusing"), address)
    (files / "empty.txt").write_bytes(b"")
    (files / "pilotage.md").write_text(PILOTAGE)
    plain_page.goto(shelf.at("/documents"))
    plain_page.get_by_label("Upload files").set_input_files(sorted(files.iterdir()))
    plain_page.get_by_role("button", name="Upload", exact=True).click()
    expect(plain_page.locator("#notice")).to_have_text("1 file taken in.")
    refused = plain_page.locator(".upload", has_text="empty.txt")
    expect(refused).to_contain_text("Upload a file that has text in it.")
    shelf.settle()
