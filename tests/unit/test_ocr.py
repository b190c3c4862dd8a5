"""Text in pictures: scans and photographs, read where the extra is installed, told of elsewhere."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from app.errors import EmptyDocument, ScannedDocument, UnreadableDocument, UnsupportedMediaType
from app.ingestion.parsers import image, ocr
from app.ingestion.parsers.registry import parse
from app.ingestion.parsing import Parsing
from tests.factories import eml, scanned_pdf, zip_of
from tests.unit.parsing import check_whole

SIZE = (900, 500)
LEFT = ("The tide turns at noon.", "Ships leave with the ebb.", "The bar is four metres deep.")
RIGHT = ("Lights are lit at dusk.", "Fog signals sound twice.", "Pilots wait off the mole.")


def drawn(*lines: str, right: Sequence[str] = (), title: str = "") -> Image.Image:
    """A picture of lines of text, in one column or two, under a title of large letters."""
    picture = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(picture)
    if title:
        pen.text((40, 30), title, "black", font=ImageFont.load_default(48))
    for left, column in ((40, lines), (480, right)):
        for number, line in enumerate(column):
            font = ImageFont.load_default(26)
            pen.text((left, 130 + 44 * number), line, "black", font=font)
    return picture


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def scan(*pages: Image.Image | str) -> bytes:
    """A PDF of pictures of pages; a text is a page with its text."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for page in pages:
        if isinstance(page, str):
            canvas.drawString(72, 700, page)
        else:
            canvas.drawImage(ImageReader(page), 40, 300, 500, 280)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
def test_a_picture_is_read_whatever_its_kind(kind: str) -> None:
    parsed = parse(saved(drawn(*LEFT), kind), "note")
    assert (parsed.parser, parsed.media_type) == ("ocr", f"image/{kind.lower()}")
    check_whole(parsed.text)
    assert "The tide turns at noon." in parsed.text.text
    assert parsed.text.text.index("Ships") < parsed.text.text.index("four metres")


def test_columns_are_read_one_after_the_other_and_large_letters_are_headings() -> None:
    text = parse(saved(drawn(*LEFT, right=RIGHT, title="Pilotage")), "a.png").text
    assert text.text.index("four metres") < text.text.index("Lights are lit")
    assert text.sections[-1].path == ("Pilotage",)


def test_the_pages_of_a_tiff_are_pages() -> None:
    pages = [drawn(*LEFT), drawn(*RIGHT)]
    data = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    text = parse(data, "fax.tif").text
    check_whole(text)
    assert [section.page for section in text.sections] == [1, 2]
    assert "Lights" in text.text[text.sections[1].start :]


def test_a_transparent_picture_is_read_as_if_on_paper() -> None:
    picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    ImageDraw.Draw(picture).text((40, 100), LEFT[0], "black", font=ImageFont.load_default(40))
    assert LEFT[0] in parse(saved(picture), "a.png").text.text


def test_a_scanned_pdf_is_read_and_so_is_a_scanned_page_among_others() -> None:
    text = parse(scan(drawn(*LEFT), "This page has its text.", drawn(*RIGHT)), "a.pdf").text
    check_whole(text)
    pages = {section.page: text.text[section.start : section.end] for section in text.sections}
    assert "The tide turns at noon." in pages[1]
    assert pages[2].strip() == "This page has its text."
    assert "Fog signals" in pages[3]


def test_pictures_in_an_archive_are_read() -> None:
    assert LEFT[0] in parse(zip_of({"a.png": saved(drawn(*LEFT))}), "a.zip").text.text


def test_a_picture_without_text_says_so() -> None:
    with pytest.raises(EmptyDocument):
        parse(saved(Image.new("RGB", SIZE, "navy")), "a.png")
    with pytest.raises(ScannedDocument, match="finds none"):
        parse(scanned_pdf(1), "a.pdf")


def test_where_it_is_not_installed_a_picture_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ocr, "installed", lambda: False)
    with pytest.raises(UnsupportedMediaType, match="OCR") as refused:
        parse(saved(drawn(*LEFT)), "a.png")
    assert "--extra ocr" in refused.value.remedy


def test_a_damaged_or_an_endless_picture_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableDocument, match="damaged"):
        parse(saved(drawn(*LEFT))[:300], "a.png")
    monkeypatch.setattr(image, "MOST_DOTS", 1000)
    with pytest.raises(UnreadableDocument, match="too many"):
        parse(saved(drawn(*LEFT)), "a.png")


def test_a_thin_strip_is_read_and_a_spacer_of_an_email_costs_nothing() -> None:
    strip = Image.new("RGB", (1400, 24), "white")
    ImageDraw.Draw(strip).text((300, 2), LEFT[0], "black", font=ImageFont.load_default(18))
    assert parse(saved(strip), "a.png").text.text == LEFT[0]
    spacers = {f"{w}x{h}.png": saved(Image.new("RGB", (w, h))) for w, h in ((400, 1), (1, 3000))}
    parsing = Parsing()
    try:
        archive = zip_of({**spacers, "b.txt": b"Words beside them."})
        assert "Words beside them." in parsing.parse(archive, "a.zip").text.text
        assert "_recognizing" not in vars(parsing)
    finally:
        parsing.close()


def test_a_picture_on_which_recognition_fails_costs_itself_alone_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def engine(picture: NDArray[np.uint8]) -> object:
        if picture.shape[1] > 2 * picture.shape[0]:  # the wide one
            raise MemoryError
        return real(picture)

    real = ocr._engine()
    monkeypatch.setattr(ocr, "_engine", lambda: engine)
    wide = drawn(*RIGHT).resize((1600, 700))
    pictures = {"wide.png": saved(wide), "square.png": saved(drawn(*LEFT))}
    letter = parse(eml("Look at these.", attached=pictures), "a.eml").text.text
    assert "Look at these." in letter
    assert LEFT[0] in letter
    assert "not read: wide.png" in letter
    pages = [drawn(*LEFT), wide.copy()]
    fax = parse(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "a.tif").text
    check_whole(fax)
    assert LEFT[0] in fax.text
    assert fax.text.endswith("of page 2, for text recognition (OCR) failed.")
    with pytest.raises(UnreadableDocument, match="OCR"):
        parse(saved(wide), "a.png")


def test_scanned_pages_on_which_recognition_fails_are_told_by_their_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def engine(_picture: NDArray[np.uint8]) -> object:
        raise RuntimeError("a fault of the library")

    monkeypatch.setattr(ocr, "_engine", lambda: engine)
    text = parse(scan(drawn(*LEFT), "This page has its text.", drawn(*RIGHT)), "a.pdf").text
    check_whole(text)
    assert text.text.startswith("This page has its text.")
    assert "pages 1, 3, for text recognition (OCR) failed." in text.text
    with pytest.raises(UnreadableDocument, match="OCR"):
        parse(scan(drawn(*LEFT)), "a.pdf")
    monkeypatch.setattr(ocr, "installed", lambda: False)
    text = parse(scan("This page has its text.", drawn(*RIGHT)), "a.pdf").text
    assert "of page 2, for text recognition (OCR) is not installed here." in text.text


def test_a_picture_that_crashes_its_parser_costs_the_pictures_and_not_the_letter() -> None:
    parsing = Parsing()
    crashing = Parsing(parse_function="tests.unit.hostile_parsers:crash_on_pictures")
    vars(parsing)["_recognizing"] = crashing
    try:
        letter = eml("Look at this.", attached={"a.png": saved(drawn(*LEFT))})
        read = parsing.parse(letter, "a.eml").text.text
        assert "Look at this." in read
        assert read.endswith("not read: a.png")
        with pytest.raises(UnreadableDocument, match="crashed the parser"):
            parsing.parse(saved(drawn(*LEFT)), "a.png")
    finally:
        parsing.close()


def test_pictures_are_read_by_processes_of_their_own_which_are_kept() -> None:
    parsing = Parsing()
    try:
        parsing.parse(b"No picture.", "a.txt")
        assert "_recognizing" not in vars(parsing)
        archive = zip_of({"a.png": saved(drawn(*LEFT)), "b.txt": b"No picture."})
        assert LEFT[0] in parsing.parse(archive, "a.zip").text.text
        (first,) = parsing._recognizing._idle
        assert LEFT[1] in parsing.parse(scan(drawn(*LEFT)), "a.pdf").text.text
        assert [each.process.pid for each in parsing._recognizing._idle] == [first.process.pid]
        assert len(parsing._idle) == 1
    finally:
        parsing.close()
