"""A page of a PDF as it looks, with the words of a quote marked on it."""

from __future__ import annotations

import ctypes
import json
import math
import re
import sys
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from io import BytesIO

import pypdfium2 as pdfium
from PIL import Image, ImageChops, ImageDraw
from pypdfium2 import raw

from app.errors import UnreadableDocument
from app.ingestion.parsers.picture import Picture

WIDTH = 1000  # pixels
MOST_PIXELS = 3_000_000
LEAST_ALIKE = 12
"""Letters in a row that tell a part of the quote, where the page has not all of it in a row."""
_NAME = re.compile(r"(?:^|(?<=; ))[^:;]{1,80}: ")
_SHADE, _EDGE = "#ffeea0", "#b06000"
_MARGIN = 2  # pixels between words and the edge of their box

Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points of the page."""


def drawn(data: bytes, asked: str) -> Picture:
    """The page that `asked` names, as JSON: `{"page": 3, "quote": "…"}`, counted from 1.

    The quote is looked for by its letters and digits alone, since the text was put together from
    lines; of rows of a table, by their cells; where it is not in one piece on the page, its longer
    parts are marked.

    Raises:
        UnreadableDocument: the page cannot be drawn, or there is none of that number.
    """
    wanted = json.loads(asked)
    number, quote = int(wanted["page"]), str(wanted["quote"])
    try:
        document = pdfium.PdfDocument(data)
        try:
            if not 1 <= number <= len(document):
                raise UnreadableDocument(f"The PDF has no page {number}.")
            return _picture(document.get_page(number - 1), quote)
        finally:
            document.close()
    except pdfium.PdfiumError as refused:
        raise UnreadableDocument(f"Page {number} of the PDF cannot be drawn.") from refused


def _picture(page: pdfium.PdfPage, quote: str) -> Picture:
    width, height = page.get_size()
    scale = min(WIDTH / width, math.sqrt(MOST_PIXELS / (width * height)))
    image = page.render(scale=scale).to_pil().convert("RGB")
    text_page = page.get_textpage()
    boxes = list(_boxes(text_page, quote)) if quote.strip() else []
    if boxes:
        shade = Image.new("RGB", image.size, "white")
        draw = ImageDraw.Draw(shade)
        for box in boxes:
            draw.rectangle(_on_image(page, image, box), fill=_SHADE, outline=_EDGE, width=2)
        image = ImageChops.multiply(image, shade)
    written = BytesIO()
    image.save(written, "PNG")
    return Picture(written.getvalue(), len(boxes))


def _on_image(page: pdfium.PdfPage, image: Image.Image, box: Box) -> Box:
    """The box in pixels, whichever way the page is turned."""
    left, bottom, right, top = box
    corners = [_pixel(page, image, x, y) for x, y in ((left, bottom), (right, top))]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return (min(xs) - _MARGIN, min(ys) - _MARGIN, max(xs) + _MARGIN, max(ys) + _MARGIN)


def _pixel(page: pdfium.PdfPage, image: Image.Image, x: float, y: float) -> tuple[int, int]:
    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(
        page, 0, 0, image.width, image.height, 0, x, y, ctypes.byref(across), ctypes.byref(down)
    )
    return across.value, down.value


def _boxes(text_page: pdfium.PdfTextPage, quote: str) -> Iterator[Box]:
    """One box a line of the quote."""
    letters, places = list[str](), list[int]()
    for index in range(text_page.count_chars()):
        code = raw.FPDFText_GetUnicode(text_page, index)
        for letter in _letters(chr(code)) if code <= sys.maxunicode else "":
            letters.append(letter)
            places.append(index)
    for start, length in _found("".join(letters), quote):
        first, last = places[start], places[start + length - 1]
        for rect in range(text_page.count_rects(first, last - first + 1)):
            left, bottom, right, top = text_page.get_rect(rect)
            yield left, bottom, right, top


def _found(page: str, quote: str) -> Iterator[tuple[int, int]]:
    """Where the quote, its rows, or else each longer part of it begins in `page`, and how long."""
    whole = _letters(quote)
    at = page.find(whole) if whole else -1
    if at >= 0:
        yield at, len(whole)
        return
    # The names of columns, which a row of the text carries, stand above it on the page.
    rows = [_letters(_NAME.sub("", line)) for line in quote.splitlines()]
    places = [(page.find(row), len(row)) for row in rows if row]
    if places and all(place >= 0 for place, _ in places):
        yield from places
        return
    for block in SequenceMatcher(None, page, whole, autojunk=False).get_matching_blocks():
        if block.size >= LEAST_ALIKE:
            yield block.a, block.size


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
