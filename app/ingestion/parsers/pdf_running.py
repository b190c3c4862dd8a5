"""What repeats at the edges of a PDF's pages: headers, footers, page numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from app.ingestion.parsers.pdf_lines import Line, Page

_EDGE = 0.12
"""The share of a page's height, above and below, in which running headers and footers stand."""
_EDGE_LINES = 3
_RUNNING_SHARE = 0.5
"""Odd and even pages often differ, so what half of the pages have is taken for running."""
_FEWEST_PAGES = 3
_FEWEST_NUMBERS = 2
_PAGE_NUMBER = re.compile(
    r"(?:[^\W\d_]{1,8}\.?\s)?[-\u2013\u2014\s]*(?P<number>\d{1,5})[-\u2013\u2014\s]*"
    r"(?:(?:[^\W\d_]{1,4}|/)\s*\d{1,5})?"
)
_DIGITS = re.compile(r"\d+")


def without_running(pages: Sequence[Page]) -> list[Page]:
    """The pages without the headers and footers that most have, and without their numbers."""
    seen = Counter(key for page in pages for key in {_key(line, page) for line in _edge(page)})
    enough = max(_FEWEST_PAGES, _RUNNING_SHARE * len(pages))
    kept = []
    for page in pages:
        running = {id(line) for line in _edge(page) if seen[_key(line, page)] >= enough}
        kept.append(_without(page, running))
    return _without_numbers(kept)


def _edge(page: Page) -> list[Line]:
    by_height = sorted(page.lines, key=lambda line: -line.bottom)
    top = [line for line in by_height[:_EDGE_LINES] if line.bottom > (1 - _EDGE) * page.height]
    low = [line for line in by_height[-_EDGE_LINES:] if line.top < _EDGE * page.height]
    return top + low


def _key(line: Line, page: Page) -> tuple[str, bool]:
    return _DIGITS.sub("#", line.text).casefold(), line.bottom > page.height / 2


def _without_numbers(pages: Sequence[Page]) -> list[Page]:
    """Without the first or last lines that count on from page to page, wherever they stand."""
    numbers: list[tuple[int, int, int]] = []  # the page, its line, and how far the number is ahead
    for index, page in enumerate(pages):
        ends = {
            min(page.lines, key=_height, default=None),
            max(page.lines, key=_height, default=None),
        }
        for line in ends - {None}:
            match = _PAGE_NUMBER.fullmatch(line.text) if line else None
            if match:
                numbers.append((index, id(line), int(match["number"]) - index))
    ahead = Counter(number for _, _, number in numbers)
    dropped = {line for _, line, number in numbers if ahead[number] >= _FEWEST_NUMBERS}
    return [_without(page, dropped) for page in pages]


def _height(line: Line) -> float:
    return line.bottom


def _without(page: Page, dropped: set[int]) -> Page:
    return replace(page, lines=tuple(line for line in page.lines if id(line) not in dropped))
