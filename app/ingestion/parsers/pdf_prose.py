"""The lines of a paragraph on a page → running text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.ingestion.parsers.pdf_lines import HYPHEN_AT_LINE_END, Line, Page

_WIDE = 1.35
"""How much wider than usual its letters must be set for a line to be a table's row."""
_BULLETS = "-\u2013\u2014\u2022\u25e6\u25aa\u25cf\u25cb\u25a0\u25a1\u2023*\u00b7"
_ITEM = re.compile(rf"(?:[{_BULLETS}]|\(?\d{{1,3}}[.)]|\(?[a-z][.)])\s")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST_PART = re.compile(r"([^\W\d_]+)-$")
_FIRST_PART = re.compile(r"[^\W\d_]+")
_SHORTEST_PART = 3
_CONJUNCTIONS = frozenset({"and", "or", "to", "und", "oder", "bis", "et", "ou", "y", "o", "e"})


@dataclass(frozen=True)
class Prose:
    """What a document's lines have in common: how wide letters are set, and its words."""

    letter_width: float
    words: frozenset[str]

    @classmethod
    def of(cls, pages: Iterable[Page]) -> Prose:
        """Learnt from all lines; the width is that of the middle letter, in sizes of its font."""
        lines = [line for page in pages for line in page.lines]
        words = set[str]()
        cut = False
        for line in lines:
            # A half of a word that a line's end cut in two is not a word.
            found = _WORD.findall(line.text.casefold())[1 if cut else 0 :]
            cut = line.text.endswith(HYPHEN_AT_LINE_END)
            words.update(found[:-1] if cut else found)
        return cls(_middle_letter_width(lines), frozenset(words))

    def joined(self, lines: Sequence[Line]) -> str:
        """The lines as one text, but for table rows, list items, and lines that end early."""
        text = lines[0].text
        for before, line in pairwise(lines):
            cut = text.endswith(HYPHEN_AT_LINE_END)
            text = text.removesuffix(HYPHEN_AT_LINE_END)
            if cut or (_LAST_PART.search(text) and line.text[:1].islower()):
                text = text.removesuffix("-")
                text += self._between(text, line.text) + line.text
            else:
                text += ("\n" if self._ends(before, line, lines) else " ") + line.text
        return text.removesuffix(HYPHEN_AT_LINE_END)

    def _between(self, text: str, following: str) -> str:
        """What stands between the halves of a word at a line's end: a hyphen where it belongs."""
        last, first = _LAST_PART.search(text + "-"), _FIRST_PART.match(following)
        if last is None or first is None:
            return ""
        one, other = last[1].casefold(), first[0].casefold()
        if other in _CONJUNCTIONS:
            return "- "  # "single- or double-sided"
        if f"{one}-{other}" in self.words:
            return "-"
        both_words = len(one) >= _SHORTEST_PART and {one, other} <= self.words
        return "-" if both_words and one + other not in self.words else ""

    def _ends(self, before: Line, line: Line, lines: Sequence[Line]) -> bool:
        """Whether the line before was meant to end where it does."""
        if _ITEM.match(line.text) or self._is_row(before) or self._is_row(line):
            return True
        # It was, if there was room for the next word before the column's right edge.
        column = (each for each in lines if each.left < before.right and before.left <= each.right)
        right = max((each.right for each in column), default=before.right)
        letter = (before.right - before.left) / len(before.text)
        return before.right + letter * (len(line.text.split(" ", 1)[0]) + 1) < right

    def _is_row(self, line: Line) -> bool:
        return " " in line.text and _letter_width(line) > _WIDE * self.letter_width


def _letter_width(line: Line) -> float:
    return (line.right - line.left) / (len(line.text) * line.size) if line.size > 0 else 0.0


def _middle_letter_width(lines: Sequence[Line]) -> float:
    widths = sorted((_letter_width(line), len(line.text)) for line in lines)
    left = sum(letters for _, letters in widths) / 2
    for width, letters in widths:
        left -= letters
        if left <= 0:
            return width
    return 0.0
