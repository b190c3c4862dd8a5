"""What a document says or is called is text, whatever it would like to be."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.library import HARM, HARMFUL, HARMFUL_NAME, Library

LAMP = "who paints the lamp room"


@pytest.fixture(scope="module")
def harmful(library: Library) -> Library:
    library.add(HARMFUL_NAME, HARMFUL.encode())
    library.add("right-to-left.txt", "الميناء يغلق عند الغروب.".encode())
    library.settle()
    return library


def alone(page: Page) -> None:
    """Nothing of the document became a part of the page."""
    assert page.locator("img, iframe, object, [onerror]").count() == 0
    assert page.locator("script:not([src^='/static/'])").count() == 0
    assert page.locator("a[href^='javascript'], a[href*='example.org']").count() == 0
    assert page.title() not in {"harm", "1"}


def test_its_name_and_words_are_shown_as_they_are(page: Page, harmful: Library) -> None:
    page.goto(harmful.at("/", q=LAMP))
    result = page.locator(".result", has_text="lamp room").first
    expect(result).to_contain_text(HARMFUL_NAME)
    expect(result).to_contain_text("every spring. " + HARM)
    alone(page)
    result.locator("h2 a").click()
    expect(page.locator(".text")).to_contain_text('<script>document.title = "harm"</script>')
    alone(page)


def test_it_stays_text_in_the_table_and_before_it_is_deleted(page: Page, harmful: Library) -> None:
    page.goto(harmful.at("/documents"))
    row = page.locator("tr", has_text=HARMFUL_NAME)
    expect(row).to_have_count(1)
    alone(page)
    row.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text(HARMFUL_NAME)
    alone(page)


def test_it_stays_text_in_an_answer_and_its_source(page: Page, harmful: Library) -> None:
    page.goto(harmful.at("/ask", q=LAMP))
    expect(page.locator(".said")).to_contain_text("paints the lamp room")
    alone(page)
    page.locator(".cite").first.click()
    expect(page.locator("#source-text")).to_contain_text("<script>document.title")
    alone(page)


def test_it_stays_text_where_a_reader_types_it(page: Page, harmful: Library) -> None:
    for path in ("/", "/ask"):
        page.goto(harmful.at(path, q=f'"><script>document.title="harm"</script>{HARM}'))
        alone(page)


def test_words_run_in_their_own_direction(page: Page, harmful: Library) -> None:
    page.goto(f"/documents/{harmful.document('right-to-left.txt').id}")
    direction = page.locator(".text p").first.evaluate("(p) => getComputedStyle(p).direction")
    assert direction == "rtl"
