"""Lines on pages → paragraphs in reading order, without what repeats at the edge of every page."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from app.ingestion.parsers.pdf_lines import HYPHEN_AT_LINE_END, Line, Page

_EDGE = 0.12
"""The share of a page's height, above and below, in which running headers and footers stand."""
_EDGE_LINES = 3
_RUNNING_SHARE = 0.5
_FEWEST_PAGES = 3
_PAGE_NUMBER = re.compile(r"(?:page|seite|p\.)?\s*[-–—]?\s*(?:\d{1,5}|[ivxl]{1,6})\s*[-–—]?"
                          r"(?:\s*(?:of|von|/)\s*\d{1,5})?", re.IGNORECASE)  # fmt: skip
_DIGITS = re.compile(r"\d+")
_BULLET = re.compile(r"(?:[-–—•◦▪●○■□‣*·]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")
_HYPHENATED = re.compile(r"[^\W\d_]-$")


def without_running(pages: Sequence[Page]) -> list[Page]:
    """The pages without headers and footers that repeat, and without their page numbers."""
    if len(pages) < _FEWEST_PAGES:
        return [_without_page_number(page) if len(pages) > 1 else page for page in pages]
    seen = Counter(key for page in pages for key in {_key(line, page) for line in _edge(page)})
    enough = max(_FEWEST_PAGES, _RUNNING_SHARE * len(pages))
    kept = []
    for page in pages:
        # Odd and even pages often differ, so half of all pages is enough.
        running = {id(line) for line in _edge(page) if seen[_key(line, page)] >= enough}
        lines = tuple(line for line in page.lines if id(line) not in running)
        kept.append(_without_page_number(replace(page, lines=lines)))
    return kept


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """The lines as they are read: as the file draws them, unless that jumps about the page."""
    jumps = sum(
        line.bottom > before.top and line.left < before.right and before.left < line.right
        for before, line in zip(lines, lines[1:], strict=False)
    )
    return list(lines) if jumps <= max(1, len(lines) // 20) else _cut(list(lines), 0)


def paragraphs(lines: Sequence[Line]) -> list[list[Line]]:
    """Neighbouring lines that belong together, by the space between them, their size and their edges."""
    if not lines:
        return []
    gaps = [
        before.bottom - line.bottom
        for before, line in zip(lines, lines[1:], strict=False)
        if 0 < before.bottom - line.bottom < 3 * before.size
    ]
    usual = statistics.median(gaps) if gaps else 0.0
    made = [[lines[0]]]
    for line in lines[1:]:
        before = made[-1][-1]
        gap = before.bottom - line.bottom
        same_size = abs(line.size - before.size) <= 0.15 * max(line.size, before.size)
        near = -before.size / 2 < gap <= 1.3 * usual
        if (same_size and near) or before.text.endswith(HYPHEN_AT_LINE_END):
            made[-1].append(line)
        else:
            made.append([line])
    return made


def joined(lines: Sequence[Line]) -> str:
    """A paragraph's lines as running text; rows and list items keep lines of their own."""
    right = max(line.right for line in lines)
    left = min(line.left for line in lines)
    text = lines[0].text
    for before, line in zip(lines, lines[1:], strict=False):
        if text.endswith(HYPHEN_AT_LINE_END):
            text = text[:-1] + line.text
        elif _BULLET.match(line.text) or before.right < right - 0.25 * (right - left):
            text += "\n" + line.text  # the line before ended early, so its end was meant
        elif _HYPHENATED.search(text) and line.text[:1].islower():
            text = text[:-1] + line.text
        else:
            text += " " + line.text
    return text.replace(HYPHEN_AT_LINE_END, "")


def _edge(page: Page) -> list[Line]:
    by_height = sorted(page.lines, key=lambda line: -line.bottom)
    top = [line for line in by_height[:_EDGE_LINES] if line.bottom > (1 - _EDGE) * page.height]
    low = [line for line in by_height[-_EDGE_LINES:] if line.top < _EDGE * page.height]
    return top + low


def _key(line: Line, page: Page) -> tuple[str, bool]:
    return _DIGITS.sub("#", line.text).casefold(), line.bottom > page.height / 2


def _without_page_number(page: Page) -> Page:
    numbers = {id(line) for line in _edge(page) if _PAGE_NUMBER.fullmatch(line.text)}
    return replace(page, lines=tuple(line for line in page.lines if id(line) not in numbers))


def _cut(lines: list[Line], depth: int) -> list[Line]:
    """Cut where white space runs across, else where it runs down: rows first, then columns."""
    if len(lines) <= 1 or depth > 20:
        return sorted(lines, key=lambda line: (-line.top, line.left))
    columns = _groups(lines, [(line.left, line.right) for line in lines])
    if len(columns) > 1 and all(len(column) > 2 for column in columns):
        return [line for column in columns for line in _cut(column, depth + 1)]
    rows = _groups(lines, [(-line.top, -line.bottom) for line in lines])
    if len(rows) > 1:
        return [line for row in rows for line in _cut(row, depth + 1)]
    return sorted(lines, key=lambda line: (-line.top, line.left))


def _groups(lines: list[Line], spans: list[tuple[float, float]]) -> list[list[Line]]:
    """The lines parted wherever no span reaches across, in the order of the spans."""
    ordered = sorted(zip(spans, lines, strict=True), key=lambda pair: pair[0])
    groups: list[list[Line]] = []
    reach = float("-inf")
    for (start, end), line in ordered:
        if start >= reach:
            groups.append([])
        groups[-1].append(line)
        reach = max(reach, end)
    return groups
