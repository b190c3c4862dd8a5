"""PDF: a page a section, paragraphs in reading order, headings by the outline or by their size."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import pypdfium2 as pdfium
from pypdfium2 import raw

from app.documents.model import ParsedText, Section
from app.errors import PasswordProtected, ScannedDocument, UnreadableDocument
from app.ingestion.decoding import cleaned
from app.ingestion.parsers import ocr
from app.ingestion.parsers.facts import facts
from app.ingestion.parsers.parser import Heading, sections
from app.ingestion.parsers.pdf_layout import in_reading_order, paragraphs
from app.ingestion.parsers.pdf_lines import Line, Page, page_of
from app.ingestion.parsers.pdf_prose import Prose
from app.ingestion.parsers.pdf_running import without_running
from app.ingestion.parsers.pdf_table import Table, with_tables

# PDFium may be called by one thread at a time, whatever the document.
_PDFIUM = threading.Lock()

_NO_TITLES = frozenset({"", "(anonymous)", "untitled"})
_LONGEST_HEADING = 120
_HEADING_SIZE = 1.15
"""How much larger than the document's usual letters a heading's are."""
_HEADING_LEVELS = 3
_NUMBERING = 8
"""Letters that a heading may have on its page before what the outline calls it: "Chapter 2"."""


@dataclass(frozen=True)
class PdfParser:
    """Text from the text layer; of pages without one, from their pictures, where OCR is there."""

    name: str = "pdfium"
    version: str = "4"
    media_types: frozenset[str] = frozenset({"application/pdf"})

    def parse(self, data: bytes) -> ParsedText:
        with _PDFIUM:
            try:
                found = _read(data)
            except pdfium.PdfiumError as refused:
                raise _refusal(refused) from refused
        return paged_text(
            found.pages, found.outline, found.title, told=found.told, unread=found.unread
        )


@dataclass(frozen=True)
class _Mark:
    """An entry of the outline: a heading on a page, numbered from 0."""

    page: int
    level: int
    title: str


@dataclass(frozen=True)
class _Found:
    pages: list[Page]
    outline: list[_Mark]
    title: str | None
    told: str
    """Of its author and its date."""
    unread: str
    """Of pages that were not read."""


def _read(data: bytes) -> _Found:
    document = pdfium.PdfDocument(data)
    try:
        pages = [page_of(document, index) for index in range(len(document))]
        unread: list[int] = []
        for index, page in enumerate(pages):
            if not page.lines and ocr.installed():
                try:
                    pages[index] = _recognized(document, index, page)
                except ocr.RecognitionFailed:
                    unread.append(index + 1)
            elif not page.lines and _shows_a_picture(document, index):
                unread.append(index + 1)
        if not any(page.lines for page in pages):
            if unread and ocr.installed():
                raise ocr.RecognitionFailed
            raise _scan(len(pages))
        title = " ".join(cleaned(document.get_metadata_value("Title")).split())
        author, changed, made = (
            document.get_metadata_value(name) for name in ("Author", "ModDate", "CreationDate")
        )
        return _Found(
            pages,
            list(_outline(document)),
            None if title.lower() in _NO_TITLES else title,
            facts(author, changed or made),
            ocr.not_read(unread),
        )
    finally:
        document.close()


def _shows_a_picture(document: pdfium.PdfDocument, index: int) -> bool:
    page = document.get_page(index)
    try:
        pictures = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=2)
        return next(pictures, None) is not None
    finally:
        page.close()


def _recognized(document: pdfium.PdfDocument, index: int, empty: Page) -> Page:
    """What can be read in the picture of a page that has no text, if anything is drawn on it."""
    page = document.get_page(index)
    try:
        if next(page.get_objects(max_depth=2), None) is None:
            return empty
        longest = max(page.get_width(), page.get_height()) or 1.0
        scale = min(1 / ocr.POINTS, ocr.LONGEST_SIDE / longest)
        drawn = page.render(scale=scale, draw_annots=False).to_numpy()
        # Sizes are those of a page at the usual resolution, whatever this one's was.
        height = drawn.shape[0] * ocr.POINTS
        return Page(ocr.recognized(drawn[:, :, :3]), height)
    finally:
        page.close()


def _scan(pages: int) -> ScannedDocument:
    said = f"The PDF has {'1 page' if pages == 1 else f'{pages} pages'} but no text in it"
    if ocr.installed():
        return ScannedDocument(
            f"{said}, and text recognition (OCR) finds none in its pictures.",
            remedy="If there is text, scan it again with more contrast, and upload that.",
        )
    return ScannedDocument(f"{said}: it looks like a scan.", remedy=ocr.INSTALL)


def _outline(document: pdfium.PdfDocument) -> Iterator[_Mark]:
    for bookmark in document.get_toc():
        destination = bookmark.get_dest()
        page = destination.get_index() if destination else None
        title = " ".join(cleaned(bookmark.get_title()).split())
        if page is not None and title:
            yield _Mark(page, bookmark.level + 1, title)


def _refusal(refused: pdfium.PdfiumError) -> UnreadableDocument:
    if refused.err_code in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}:
        return PasswordProtected("The PDF is protected with a password.")
    return UnreadableDocument("The PDF is damaged and cannot be opened.")


def paged_text(
    pages: Sequence[Page],
    outline: Iterable[_Mark] = (),
    title: str | None = None,
    *,
    told: str = "",
    unread: str = "",
) -> ParsedText:
    """The text of pages, in reading order, without what runs along their heads and feet.

    It begins with what is `told` of it, and ends with what is `unread`.
    """
    pages = without_running(pages)
    marks_of = defaultdict[int, list[_Mark]](list)
    for mark in outline:
        marks_of[mark.page].append(mark)
    sizes = {} if marks_of else _heading_sizes(pages)
    prose = Prose.of(pages)
    blocks = [told] if told else []
    headings: list[Heading] = []
    page_starts: list[int] = []
    length = len(told) + len("\n\n") if told else 0
    for number, page in enumerate(pages):
        page_starts.append(length if number else 0)
        marks = marks_of[number]
        for found in _with_headings_apart(page, marks):
            is_table = isinstance(found[0], Table)
            block = found[0].text if is_table else prose.joined(found)
            level = 0 if is_table else _marked_level(block, marks) or _sized_level(found, sizes)
            if level:
                headings.append(Heading(length, level, " ".join(block.split())))
            blocks.append(block)
            length += len(block) + len("\n\n")
        # A heading of the outline that is worded otherwise on its page still begins there.
        headings.extend(Heading(page_starts[-1], mark.level, mark.title) for mark in marks)
    text = "\n\n".join([*blocks, unread] if unread else blocks)
    in_order = sorted(headings, key=lambda heading: heading.start)
    return ParsedText(text, tuple(_by_page(sections(text, in_order), page_starts)), title)


def _with_headings_apart(page: Page, marks: Sequence[_Mark]) -> Iterator[list[Line]]:
    """The page's paragraphs; a table, and a line that the outline names, is one of its own."""
    ordered = in_reading_order(with_tables(page.lines))
    for is_table, lines_between in groupby(ordered, lambda line: isinstance(line, Table)):
        if is_table:
            yield from ([table] for table in lines_between)
        else:
            yield from _paragraphs(list(lines_between), marks)


def _paragraphs(lines_between: Sequence[Line], marks: Sequence[_Mark]) -> Iterator[list[Line]]:
    for lines in paragraphs(lines_between):
        rest: list[Line] = []
        for line in lines:
            if any(_is(mark, line.text) for mark in marks):
                if rest:
                    yield rest
                    rest = []
                yield [line]
            else:
                rest.append(line)
        if rest:
            yield rest


def _marked_level(block: str, marks: list[_Mark]) -> int:
    """The level of the outline's entry that this block is, which is then taken from `marks`."""
    for mark in marks:
        if _is(mark, block):
            marks.remove(mark)
            return mark.level
    return 0


def _is(mark: _Mark, block: str) -> bool:
    wanted = _comparable(mark.title)
    if not wanted or len(block) > len(mark.title) + _LONGEST_HEADING:
        return False
    words = _comparable(block)
    return words.endswith(wanted) and len(words) <= len(wanted) + _NUMBERING


def _comparable(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _heading_sizes(pages: Iterable[Page]) -> dict[float, int]:
    """The sizes of letters larger than most of the document's, with their headings' levels."""
    letters = Counter[float]()
    for page in pages:
        for line in page.lines:
            letters[_rounded(line.size)] += len(line.text)
    if not letters:
        return {}
    usual, count = letters.most_common(1)[0]
    if count < letters.total() / 2:
        return {}
    larger = sorted((size for size in letters if size >= _HEADING_SIZE * usual), reverse=True)
    return {size: min(rank, _HEADING_LEVELS) for rank, size in enumerate(larger, 1)}


def _sized_level(lines: Sequence[Line], sizes: dict[float, int]) -> int:
    words = "".join(line.text for line in lines)
    if len(words) > _LONGEST_HEADING or not any(map(str.isalpha, words)):
        return 0
    return sizes.get(_rounded(lines[0].size), 0)


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _by_page(parts: Iterable[Section], page_starts: Sequence[int]) -> Iterator[Section]:
    """The sections cut at the starts of pages, each with the number of its page, from 1."""
    for part in parts:
        start = part.start
        while start < part.end:
            page = bisect_right(page_starts, start)
            page_end = page_starts[page] if page < len(page_starts) else part.end
            end = min(page_end, part.end)
            yield Section(start, end, part.path, page)
            start = end
