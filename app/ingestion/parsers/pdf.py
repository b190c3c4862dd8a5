"""PDF: a page a section, paragraphs in reading order, headings from the outline or the size of letters."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

from app.documents.model import ParsedText, Section
from app.errors import PasswordProtected, ScannedDocument, UnreadableDocument
from app.ingestion.decoding import cleaned
from app.ingestion.parsers.parser import Heading, sections
from app.ingestion.parsers.pdf_layout import in_reading_order, joined, paragraphs, without_running
from app.ingestion.parsers.pdf_lines import Line, Page, page_of

# PDFium may be called by one thread at a time, whatever the document.
_PDFIUM = threading.Lock()

_LONGEST_HEADING = 120
_HEADING_SIZE = 1.15
"""How much larger than the document's usual letters a heading's are."""
_HEADING_LEVELS = 3


@dataclass(frozen=True)
class PdfParser:
    """Text from the text layer only: a scan without one is refused."""

    name: str = "pdfium"
    version: str = "1"
    media_types: frozenset[str] = frozenset({"application/pdf"})

    def parse(self, data: bytes) -> ParsedText:
        with _PDFIUM:
            try:
                pages, outline, title = _read(data)
            except pdfium.PdfiumError as refused:
                raise _refusal(refused) from refused
        return _text(without_running(pages), outline, title)


@dataclass(frozen=True)
class _Mark:
    """An entry of the outline: a heading on a page, numbered from 0."""

    page: int
    level: int
    title: str


def _read(data: bytes) -> tuple[list[Page], list[_Mark], str | None]:
    document = pdfium.PdfDocument(data)
    try:
        pages = [page_of(document, index) for index in range(len(document))]
        if not any(page.lines for page in pages):
            count = "1 page" if len(pages) == 1 else f"{len(pages)} pages"
            raise ScannedDocument(f"The PDF has {count} but no text in it: it looks like a scan.")
        title = cleaned(document.get_metadata_value("Title")).strip()
        return pages, list(_outline(document)), title if title not in {"(anonymous)", ""} else None
    finally:
        document.close()


def _outline(document: pdfium.PdfDocument) -> Iterator[_Mark]:
    for bookmark in document.get_toc():
        destination = bookmark.get_dest()
        page = destination.get_index() if destination else None
        title = " ".join(cleaned(bookmark.get_title()).split())
        if page is not None and title:
            yield _Mark(page, bookmark.level + 1, title)


def _refusal(refused: pdfium.PdfiumError) -> UnreadableDocument:
    if refused.err_code == raw.FPDF_ERR_PASSWORD:
        return PasswordProtected("The PDF is protected with a password.")
    if refused.err_code == raw.FPDF_ERR_SECURITY:
        return PasswordProtected("The PDF is protected in a way that cannot be opened.")
    return UnreadableDocument("The PDF is damaged and cannot be opened.")


def _text(pages: Sequence[Page], outline: Sequence[_Mark], title: str | None) -> ParsedText:
    sizes = _heading_sizes(pages) if not outline else {}
    parts: list[str] = []
    headings: list[Heading] = []
    page_starts: list[int] = []
    length = 0
    for number, page in enumerate(pages):
        page_starts.append(length)
        marks = [mark for mark in outline if mark.page == number]
        for lines in paragraphs(in_reading_order(page.lines)):
            block = joined(lines)
            level = _marked_level(lines, marks) or _sized_level(lines, sizes)
            if level:
                headings.append(Heading(length, level, " ".join(block.split())))
            parts.append(block + "\n\n")
            length += len(parts[-1])
        # A heading of the outline that is worded otherwise on its page still begins there.
        headings.extend(Heading(page_starts[-1], mark.level, mark.title) for mark in marks)
    text = "".join(parts)
    in_order = sorted(headings, key=lambda heading: heading.start)
    return ParsedText(text, tuple(_by_page(sections(text, in_order), page_starts)), title)


def _marked_level(lines: Sequence[Line], marks: list[_Mark]) -> int:
    """The level of the outline's entry that these lines are, which is then taken from `marks`."""
    words = _comparable("".join(line.text for line in lines))
    for mark in marks:
        wanted = _comparable(mark.title)
        if wanted and words.endswith(wanted) and len(words) <= len(wanted) + 8:  # "2.1.3 Title"
            marks.remove(mark)
            return mark.level
    return 0


def _comparable(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _heading_sizes(pages: Sequence[Page]) -> dict[float, int]:
    """The sizes of letters that headings have, with their levels: larger than most of the text's."""
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
    words = sum(len(line.text) for line in lines)
    if words > _LONGEST_HEADING or not any(c.isalpha() for line in lines for c in line.text):
        return 0
    return sizes.get(_rounded(lines[0].size), 0)


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _by_page(parts: Sequence[Section], page_starts: Sequence[int]) -> Iterator[Section]:
    """The sections cut at the starts of pages, each with the number of its page, from 1."""
    for part in parts:
        start = part.start
        for number, page_start in enumerate(page_starts, 1):
            page_end = page_starts[number] if number < len(page_starts) else part.end
            end = min(page_end, part.end)
            if max(start, page_start) < end:
                yield Section(start, end, part.path, number)
                start = end
