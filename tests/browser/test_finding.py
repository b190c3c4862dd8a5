"""Searching, opening what was found, and reading it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Faults
from tests.browser.library import HARBOUR, Library

TURN = "when does the stream turn"


def only_found(page: Page, title: str) -> None:
    """Every result is of the document with that title."""
    titles = page.locator(".result h2")
    expect(titles.filter(has_not_text=title)).to_have_count(0)
    expect(titles.first).to_have_text(title)


def test_a_result_opens_its_document_at_the_passage(page: Page, library: Library) -> None:
    page.goto(library.at("/"))
    page.get_by_label("Words to look for").fill(TURN)
    page.keyboard.press("Enter")
    first = page.locator(".result").first
    expect(first.locator("h2")).to_have_text("Pilotage guide")
    expect(first.locator("mark").first).to_have_text("stream")
    first.locator("h2 a").click()
    expect(page.locator("#passage")).to_be_in_viewport()
    marked = "".join(page.locator(".text mark").all_inner_texts())
    assert "forty minutes before high water" in marked
    page.get_by_role("link", name="Results for").click()
    expect(page.get_by_label("Words to look for")).to_have_value(TURN)


def test_a_search_is_narrowed_to_a_document_and_let_go(page: Page, library: Library) -> None:
    page.goto(library.at("/", q=TURN))
    page.get_by_role("navigation", name="Narrow by document").get_by_text("safety.md").click()
    only_found(page, "Safety at the quay")
    page.get_by_role("link", name="let go of this filter").click()
    expect(page.locator(".result h2").first).to_have_text("Pilotage guide")


def test_a_result_says_why_it_is_there(page: Page, library: Library) -> None:
    page.goto(library.at("/", q=TURN))
    page.get_by_text("Why this result").first.click()
    expect(page.locator(".result details").first).to_contain_text("cosine similarity")
    page.get_by_text("How these were found").click()
    expect(page.locator(".stages")).to_contain_text("ms")


def test_results_are_walked_by_keyboard(page: Page, library: Library) -> None:
    page.goto(library.at("/", q=TURN))
    titles = page.locator(".result h2 a")
    page.keyboard.press("/")
    expect(page.get_by_label("Words to look for")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(titles.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(titles.nth(1)).to_be_focused()
    page.keyboard.press("e")
    expect(page.locator(".result details").nth(1)).to_have_attribute("open", "")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator("#passage")).to_be_in_viewport()
    page.go_back()
    page.locator(".result h2 a").first.focus()
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile(r"/ask\?"))
    expect(page.get_by_label("Your question")).to_have_value(TURN)


def test_a_query_that_is_too_long_is_told_on_the_page(
    page: Page, library: Library, faults: Faults
) -> None:
    faults.expect("422")
    reply = page.goto(library.at("/", q="tide " * 1700))
    assert reply is not None
    assert reply.status == 422
    expect(page.get_by_role("alert")).to_contain_text("at most 8,000 are read")
    expect(page.get_by_role("alert")).to_contain_text("Shorten it")


def test_what_is_not_there_is_a_page_with_a_way_on(
    page: Page, library: Library, faults: Faults
) -> None:
    faults.expect("404")
    for path in ("/documents/999999", "/nowhere", "/?knowledge-base=nobody&q=tide"):
        reply = page.goto(path)
        assert reply is not None
        assert reply.status == 404
        expect(page.get_by_role("heading", level=1)).to_contain_text("There is no")


def test_a_document_shows_its_pages_sections_and_facts(page: Page, library: Library) -> None:
    page.goto(f"/documents/{library.document('tables.pdf').id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tide tables")
    expect(page.locator(".facts-line")).to_contain_text("2 pages")
    expect(page.get_by_text("Page 2", exact=True)).to_be_visible()
    page.get_by_label("Page", exact=True).fill("2")
    page.get_by_role("button", name="Go").click()
    expect(page.locator(".text")).to_contain_text("At springs the tide rises 4.1 metres.")
    expect(page.locator(".rail [aria-current]")).to_have_text("Springs and neaps")


def test_a_long_document_shows_a_stretch_around_the_place(page: Page, library: Library) -> None:
    day = "## Day {0}\n\nOn day {0} the keeper wrote. " + "Nothing else was seen. " * 20 + "\n\n"
    lines = "".join(day.format(n) for n in range(300))
    library.add("logbook.md", lines.encode())
    library.settle()
    start = lines.index("On day 200")
    logbook = library.document("logbook.md").id
    page.goto(f"/documents/{logbook}?start={start}&end={start + 10}#passage")
    expect(page.locator("#passage")).to_have_text("On day 200")
    expect(page.locator("#passage")).to_be_in_viewport()
    assert len(page.locator(".text").inner_text()) < 60_000
    expect(page.locator(".rail")).to_contain_text("Day 200")
    page.get_by_role("link", name="Later text").click()
    expect(page.locator(".text")).not_to_contain_text("On day 200 ")


def test_an_older_revision_stays_readable_and_says_so(page: Page, library: Library) -> None:
    library.add("notice.md", b"The ferry leaves at seven.")
    library.settle()
    notice = library.document("notice.md")
    library.add("notice.md", b"The ferry leaves at eight.")
    library.settle()
    page.goto(f"/documents/{notice.id}?revision={notice.current_revision_id}&start=0&end=9")
    expect(page.locator(".text")).to_contain_text("at seven")
    expect(page.get_by_role("note")).to_contain_text("There is a newer one")
    page.get_by_role("link", name="Open the current one").click()
    expect(page.locator(".text")).to_contain_text("at eight")


def test_the_original_comes_back_byte_for_byte(page: Page, library: Library) -> None:
    page.goto(f"/documents/{library.document('pilotage.md').id}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the original").click()
    assert download.value.path().read_bytes() == HARBOUR["pilotage.md"]


def test_every_page_leads_to_its_data(page: Page, library: Library) -> None:
    document = f"/documents/{library.document('pilotage.md').id}"
    for path in (library.at("/", q=TURN), library.at("/documents"), document, "/status"):
        page.goto(path)
        data = page.request.get(
            page.get_by_role("link", name="This page as JSON").get_attribute("href")
        )
        assert data.ok
        assert data.json()


def test_the_way_of_searching_is_chosen_and_kept(page: Page, library: Library) -> None:
    page.goto(library.at("/", q=TURN))
    page.get_by_role("navigation", name="Search by").get_by_text("Words", exact=True).click()
    expect(page).to_have_url(re.compile("mode=keyword"))
    page.get_by_label("Words to look for").fill("zeppelin")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("mode=keyword"))
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.get_by_role("link", name="Search by meaning too").click()
    expect(page.locator(".result")).not_to_have_count(0)


def test_phrases_and_filters_narrow_and_an_empty_result_leads_on(
    page: Page, library: Library
) -> None:
    page.goto(library.at("/", q='"stream turns" name:pilotage'))
    expect(page.locator(".result")).to_have_count(1)
    page.goto(library.at("/", q='"turns stream" tide'))
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.get_by_role("link", name="in any order").click()
    expect(page.locator(".result h2").first).to_have_text("Pilotage guide")
    page.get_by_role("navigation", name="Narrow by type").get_by_text("PDF").click()
    only_found(page, "Tide tables")
    page.get_by_role("navigation", name="Narrowed to").get_by_role("link").click()
    expect(page.locator(".result h2").first).to_have_text("Pilotage guide")


def test_a_document_is_tagged_and_results_are_narrowed_to_the_tag(
    page: Page, library: Library
) -> None:
    page.goto(f"/documents/{library.document('safety.md').id}")
    page.locator("summary", has_text="Tags and metadata").click()
    page.get_by_label("Tags, with commas").fill("quay, rules")
    page.get_by_label("Metadata").fill("author: A. Shore")
    page.get_by_role("button", name="Keep these").click()
    expect(page.locator(".labels .tag")).to_have_text(["quay", "rules", "author: A. Shore"])
    page.goto(library.at("/", q="close the quay"))
    page.get_by_role("navigation", name="Narrow by tag").get_by_text("rules").click()
    only_found(page, "Safety at the quay")
    page.get_by_role("navigation", name="Narrow by author").get_by_text("A. Shore").click()
    expect(page.get_by_role("navigation", name="Narrowed to").get_by_role("link")).to_have_count(2)


def test_a_missed_document_is_told_where_it_fell_out(page: Page, library: Library) -> None:
    page.goto(library.at("/", q=f"{TURN} type:pdf"))
    page.get_by_label("Missing a document?").fill("safety")
    page.get_by_role("button", name="Why not this one").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Where is safety.md?")
    expect(page.locator(".notice")).to_contain_text("Its type is not “pdf”")
    page.goto(library.at("/why", q=TURN, about="pilotage"))
    expect(page.locator(".notice")).to_contain_text("the 1st of them")
    expect(page.locator(".words mark")).to_contain_text("forty minutes before high water")
    page.get_by_role("link", name="Results for").click()
    expect(page.get_by_label("Words to look for")).to_have_value(TURN)


def test_the_first_panel_that_opens_tells_the_nearest_sentences(
    page: Page, library: Library
) -> None:
    page.goto(library.at("/", q=TURN))
    first = page.locator(".result").first
    first.get_by_text("Why this result").click()
    expect(first.locator("details.why")).to_contain_text("Nearest sentence")
    expect(first.locator(".near").first).to_be_visible()
    assert "The stream turns forty minutes" in "".join(first.locator(".near").all_inner_texts())
    expect(page.locator("a.nearest")).to_have_count(0)


def test_titles_and_headings_are_suggested_and_searches_come_back(
    page: Page, library: Library
) -> None:
    page.goto(library.at("/", q="moring lines"))
    page.get_by_role("link", name="mooring lines").click()
    expect(page.locator(".result h2").first).to_have_text("Safety at the quay")
    page.goto(library.at("/"))
    recent = page.get_by_role("region", name="Recent searches")
    expect(recent.get_by_role("link")).to_have_text(["mooring lines", "moring lines"])
    page.get_by_label("Words to look for").press_sequentially("moor")
    suggested = page.locator("#suggested option")
    expect(suggested).to_have_count(2)
    for place, words in enumerate(("mooring lines", "Mooring lines")):
        expect(suggested.nth(place)).to_have_attribute("value", words)
    recent.get_by_role("button", name="Forget them").click()
    page.reload()
    expect(page.get_by_label("Words to look for")).to_be_visible()
    expect(recent).to_be_hidden()
