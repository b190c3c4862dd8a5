"""Lines on pages → paragraphs in reading order."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise

from app.ingestion.parsers.pdf_lines import HYPHEN_AT_LINE_END, Line

_JUMPS_ALLOWED = 20
"""A line in so many may stand before the one drawn before it: a page is not sorted for less."""
_MOST_COLUMNS = 4
_DEEPEST_CUT = 20
_COLUMN_LINES = 3
_PARAGRAPH_GAP = 1.3
_SIZE_TOLERANCE = 0.15


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """The lines as they are read: as the file draws them, unless that jumps about the page."""
    back = columns = 0
    for before, line in pairwise(lines):
        if line.bottom > before.top and line.left >= before.right:
            columns += 1
        elif line.bottom > before.top or (line.top > before.bottom and line.right <= before.left):
            back += 1
    if back + max(0, columns - _MOST_COLUMNS) <= max(1, len(lines) // _JUMPS_ALLOWED):
        return list(lines)
    return by_space(lines)


def by_space(lines: Sequence[Line]) -> list[Line]:
    """The lines in the order that the white space between them gives, whatever theirs was."""
    return _cut(list(lines), 0)


def paragraphs(lines: Sequence[Line]) -> list[list[Line]]:
    """Neighbouring lines that belong together, by the space between them and their size."""
    if not lines:
        return []
    gaps = [
        before.bottom - line.bottom
        for before, line in pairwise(lines)
        if before.size / 2 < before.bottom - line.bottom < 3 * before.size
    ]
    usual = statistics.median(gaps) if gaps else 0.0
    made = [[lines[0]]]
    for before, line in pairwise(lines):
        larger = max(line.size, before.size)
        alike = abs(line.size - before.size) <= _SIZE_TOLERANCE * larger
        near = -larger / 2 < before.bottom - line.bottom <= _PARAGRAPH_GAP * usual
        # The top of the next column continues a paragraph that its last line has not ended.
        next_column = line.left >= before.right and line.bottom > before.top
        unended = next_column and alike and line.text[:1].islower()
        if (alike and near) or unended or before.text.endswith(HYPHEN_AT_LINE_END):
            made[-1].append(line)
        else:
            made.append([line])
    return made


def _cut(lines: list[Line], depth: int) -> list[Line]:
    """Columns where white space runs down between them, else rows where it runs across."""
    if len(lines) > 1 and depth < _DEEPEST_CUT:
        columns = _groups(lines, [(line.left, line.right) for line in lines])
        if len(columns) > 1 and min(map(len, columns)) >= _COLUMN_LINES:
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
