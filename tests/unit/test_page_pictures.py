"""The page of a PDF as it looks, with a quote's words boxed."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image

from app.documents.quotes import found_again
from app.errors import UnreadableDocument
from app.ingestion.parsing.pictures import PagePictures
from tests.factories import pdf

PAGES = pdf(
    ["# Tides", "", "The tide turns at noon, and the ships that waited for it leave the har-"],
    ["# Springs", "", "At springs the tide rises 4.1 metres.", "At neaps it rises less."],
)
SHADE = (255, 238, 160)


@pytest.fixture(scope="module")
def pictures() -> Iterator[PagePictures]:
    made = PagePictures()
    yield made
    made.close()


def shaded(png: bytes) -> list[tuple[int, int]]:
    """The pixels that lie in a box."""
    image = Image.open(BytesIO(png)).convert("RGB")
    return [
        (x, y)
        for y in range(0, image.height, 2)
        for x in range(0, image.width, 2)
        if image.getpixel((x, y)) == SHADE
    ]


def test_the_quote_is_boxed_where_it_stands_on_its_page(pictures: PagePictures) -> None:
    plain = pictures.draw(PAGES, 2, "")
    assert plain.boxes == 0
    assert shaded(plain.png) == []
    marked = pictures.draw(PAGES, 2, "At springs the  tide\nrises 4.1 metres.")
    assert marked.boxes == 1
    places = shaded(marked.png)
    # On A4 at 1000 pixels: the line stands 760 - 2 * 14 - 14 points up, from 72 to the right.
    down, across = {y for _, y in places}, {x for x, _ in places}
    assert 1414 - 742 * 1.69 < min(down) < max(down) < 1414 - 700 * 1.66
    assert 110 < min(across) < 135
    assert max(across) < 500


def test_a_quote_in_two_lines_has_a_box_a_line(pictures: PagePictures) -> None:
    assert pictures.draw(PAGES, 2, "rises 4.1 metres. At neaps it").boxes == 2


def test_of_a_quote_that_goes_on_elsewhere_the_part_on_the_page_is_boxed(
    pictures: PagePictures,
) -> None:
    both = "The tide turns at noon, and the ships that waited for it leave the harbour at dusk."
    assert pictures.draw(PAGES, 1, both).boxes == 1


def test_rows_of_a_table_are_boxed_though_they_carry_names_that_stand_above_them(
    pictures: PagePictures,
) -> None:
    made = pdf(rows=[("Port", "Berths", "Depth"), ("Brest", "12", "9.5"), ("Hull", "4", "8.0")])
    quote = "Port: Brest; Berths: 12; Depth: 9.5\nPort: Hull; Berths: 4; Depth: 8.0"
    assert pictures.draw(made, 1, quote).boxes == 6  # a cell each, in two rows


def test_a_quote_that_the_page_lacks_is_boxed_nowhere(pictures: PagePictures) -> None:
    assert pictures.draw(PAGES, 1, "Nobody may lock the pier in a gale.").boxes == 0


@pytest.mark.parametrize("page", [0, 3, 10**9])
def test_a_page_that_is_not_there_is_refused(pictures: PagePictures, page: int) -> None:
    with pytest.raises(UnreadableDocument, match=f"no page {page}"):
        pictures.draw(PAGES, page, "tide")


def test_a_damaged_file_is_refused_and_the_next_is_drawn(pictures: PagePictures) -> None:
    with pytest.raises(UnreadableDocument):
        pictures.draw(b"%PDF-1.7 and nothing else", 1, "tide")
    assert pictures.draw(PAGES, 1, "The tide turns").boxes == 1


def test_a_page_as_large_as_a_wall_is_drawn_small(pictures: PagePictures) -> None:
    wall = PAGES.replace(b"/MediaBox [ 0 0 595.2756 841.8898 ]", b"/MediaBox [ 0 0 14000 14400 ]  ")
    assert wall != PAGES
    image = Image.open(BytesIO(pictures.draw(wall, 1, "").png))
    assert image.width * image.height < 3_100_000


def test_words_are_found_again_whatever_space_is_between_them() -> None:
    text = "Before. The tide\n  turns at\u00a0noon. After."
    assert found_again("The tide turns at noon.", text) == (8, 33)
    assert found_again("The tide turns at dusk.", text) is None
    assert found_again("  ", "") is None
    assert found_again("a.c", "abc a.c") == (4, 7)
