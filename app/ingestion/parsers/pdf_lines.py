"""The lines of a PDF's pages, as PDFium finds them, with where they stand on the page."""

from __future__ import annotations

import ctypes
import math
import re
import sys
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

from app.ingestion.decoding import cleaned

HYPHEN_AT_LINE_END = "\x02"
"""What PDFium puts for a hyphen at the end of a line; whether it stays, the next line tells."""

_LINE_ENDS = frozenset({0x0A, 0x0D, ord(HYPHEN_AT_LINE_END)})
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"}
)


_GAP = 1.0
"""The white between two cells of a line, in sizes of its letters, at least."""


@dataclass(frozen=True)
class Cell:
    """A part of a line that stands apart from the others."""

    text: str
    left: float
    right: float


@dataclass(frozen=True)
class Line:
    """A line of text, its box in points from the page's lower left, and its font's size.

    `cells` are its parts, from the left, if it has several.
    """

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Page:
    """A page's lines in the order the file draws them; `height` in points."""

    lines: tuple[Line, ...]
    height: float


def page_of(document: pdfium.PdfDocument, index: int) -> Page:
    """Read one page; numbered from 0.

    Raises:
        pypdfium2.PdfiumError: the page is damaged.
    """
    page = document.get_page(index)
    try:
        text_page = page.get_textpage()
        try:
            return Page(_lines(text_page), page.get_height())
        finally:
            text_page.close()
    finally:
        page.close()


def _lines(text_page: pdfium.PdfTextPage) -> tuple[Line, ...]:
    codes = [raw.FPDFText_GetUnicode(text_page, i) for i in range(text_page.count_chars())]
    lines, start = [], 0
    for end in [i + 1 for i, code in enumerate(codes) if code in _LINE_ENDS] + [len(codes)]:
        line = _line(text_page, codes, start, end)
        if line is not None:
            lines.append(line)
        start = end
    return tuple(lines)


def _line(text_page: pdfium.PdfTextPage, codes: list[int], start: int, end: int) -> Line | None:
    characters = [_character(code) for code in codes[start:end]]
    places = [
        start + i
        for i, character in enumerate(characters)
        if not character.isspace() and character != HYPHEN_AT_LINE_END
    ]
    if not places:
        return None
    turned = any(map(_RIGHT_TO_LEFT.match, characters))
    if turned:
        characters = _in_reading_order(text_page, characters, start)
    # Only the ends and the middle are asked for their boxes: a call for each character would cost
    # more than all the rest of reading a page.
    boxes = [_box(text_page, places[at]) for at in {0, len(places) // 2, len(places) - 1}]
    # PDFium speaks UTF-16: a character beyond its first plane comes in two halves.
    text = "".join(characters).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    words = _words(text)
    if not words:
        return None
    size = _font_size(text_page, places[len(places) // 2])
    return Line(
        words + HYPHEN_AT_LINE_END if characters[-1] == HYPHEN_AT_LINE_END else words,
        left=min(box[0] for box in boxes),
        bottom=min(box[1] for box in boxes),
        right=max(box[2] for box in boxes),
        top=max(box[3] for box in boxes),
        size=size,
        cells=() if turned else _cells(text_page, start, end, words, _GAP * size),
    )


def _cells(
    text_page: pdfium.PdfTextPage, start: int, end: int, words: str, gap: float
) -> tuple[Cell, ...]:
    """The parts of a line that are drawn one by one, with at least `gap` between them."""
    boxes: list[tuple[float, float, float, float]] = []
    for number in range(text_page.count_rects(start, end - start)):
        box = text_page.get_rect(number)
        if boxes and box[0] - boxes[-1][2] < gap:
            left, bottom, right, top = boxes.pop()
            box = (left, min(bottom, box[1]), max(right, box[2]), max(top, box[3]))
        boxes.append(box)
    if len(boxes) == 1:
        return ()
    cells = tuple(Cell(_words(text_page.get_text_bounded(*box)), box[0], box[2]) for box in boxes)
    # What is drawn across other lines, or not from the left, is no row.
    return cells if " ".join(cell.text for cell in cells) == words else ()


def _words(text: str) -> str:
    return " ".join(cleaned(text).translate(_LIGATURES).split())


def _character(code: int) -> str:
    if code in {0, 0xFFFE, 0xFFFF} or code > sys.maxunicode:
        return " "
    return chr(code)


def _in_reading_order(
    text_page: pdfium.PdfTextPage, characters: list[str], start: int
) -> list[str]:
    """PDFium turns a line from right to left around, and with it what a single glyph stands for.

    A glyph for several letters (they share one box) names them in reading order already, so those
    are turned back.
    """
    ordered, shared = list[str](), list[str]()
    last: tuple[float, float, float, float] | None = None
    for i, character in enumerate(characters):
        box = _box(text_page, start + i)
        if box != last or not _is_right_to_left_part(character):
            ordered.extend(reversed(shared))
            shared.clear()
        if _is_right_to_left_part(character):
            shared.append(character)
        else:
            ordered.append(character)
        last = box
    return [*ordered, *reversed(shared)]


def _is_right_to_left_part(character: str) -> bool:
    return _RIGHT_TO_LEFT.match(character) is not None


def _box(text_page: pdfium.PdfTextPage, index: int) -> tuple[float, float, float, float]:
    rectangle = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(text_page, index, ctypes.byref(rectangle))
    return rectangle.left, rectangle.bottom, rectangle.right, rectangle.top


def _font_size(text_page: pdfium.PdfTextPage, index: int) -> float:
    """The size that a character is drawn in: its font's, by how much the page enlarges it."""
    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(text_page, index, ctypes.byref(matrix))
    size: float = raw.FPDFText_GetFontSize(text_page, index)
    return size * math.hypot(matrix.c, matrix.d)
