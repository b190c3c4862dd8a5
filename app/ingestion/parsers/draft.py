"""A text that a parser puts together block by block, with the sections that come of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from app.documents.model import ParsedText, Section
from app.ingestion.decoding import cleaned, cleaned_line
from app.ingestion.parsers.parser import Heading, sections

DEEPEST_HEADING = 6


@dataclass
class Draft:
    """Blocks with a blank line between them; clean, whatever they are made of."""

    _parts: list[str] = field(default_factory=list)
    _length: int = 0
    _headings: list[Heading] = field(default_factory=list)
    _page_starts: list[int] = field(default_factory=list)

    @property
    def written(self) -> bool:
        """Whether there is anything in it yet."""
        return bool(self._parts)

    @property
    def first_heading(self) -> str | None:
        """What the first section is called, if it is one of the highest level."""
        highest = self._headings and self._headings[0].level == 1
        return self._headings[0].title if highest else None

    def page(self) -> None:
        """What follows is on the next page, slide or sheet."""
        self._page_starts.append(self._length)

    def heading(self, level: int, title: str) -> None:
        """Begin a section; one without a title is not begun."""
        title = cleaned_line(title)
        if title:
            self._headings.append(Heading(self._length, level, title))
            self.block(f"{'#' * min(level, DEEPEST_HEADING)} {title}")

    def block(self, text: str) -> None:
        """A paragraph, a list or a table; nothing if it is only space."""
        text = cleaned(text).strip("\n")
        if text.strip():
            self._parts.append(text)
            self._length += len(text) + len("\n\n")

    def labelled(self, label: str, text: str) -> None:
        """A section inside the last one whose heading is not written: the text shows it itself."""
        self._headings.append(Heading(self._length, DEEPEST_HEADING, cleaned_line(label)))
        self.block(text)

    def add(self, parsed: ParsedText, level: int) -> None:
        """Another text as it is, its sections inside those of `level` that are open."""
        start = self._length
        shift = len(parsed.text) - len(parsed.text.lstrip("\n"))
        for section in parsed.sections:
            for depth, title in enumerate(section.path, 1):
                self._headings.append(
                    Heading(start + max(section.start - shift, 0), level + depth, title)
                )
        self.block(parsed.text)

    def parsed(self, title: str | None = None) -> ParsedText:
        """What was written."""
        text = "\n\n".join(self._parts)
        made = sections(text, (each for each in self._headings if each.start < len(text)))
        if self._page_starts:
            made = tuple(self._numbered(made))
        return ParsedText(text, made, cleaned_line(title or "") or None)

    def _numbered(self, made: Sequence[Section]) -> Iterator[Section]:
        for section in made:
            # A page without a heading has none of its own: it begins inside a section.
            starts = [start for start in self._page_starts if section.start < start < section.end]
            bounds = [section.start, *starts, section.end]
            for start, end in pairwise(bounds):
                page = bisect_right(self._page_starts, start) or None
                if start < end:
                    yield replace(section, start=start, end=end, page=page)


def fenced(code: str, language: str = "") -> str:
    """Code between fences that are longer than any in it."""
    longest = max((len(run) for run in re.findall("`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code.strip(chr(10))}\n{fence}"
