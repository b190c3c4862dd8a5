"""A document's text → the chunks that are embedded and retrieved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from semantic_text_splitter import MarkdownSplitter

from app.documents.model import ParsedText, Section
from app.embedding.embedder import TokenCounter
from app.ingestion.measure import Measure

LONGEST_WINDOW = 50_000
"""Characters that are tokenised and split at a time: memory does not grow with the document."""
TINY = 8
"""A section of less than this part of a chunk may share a chunk with its neighbour."""


@dataclass(frozen=True)
class Chunk:
    """`revision.text[start:end] == text`, always; `tokens` without the model's special ones."""

    start: int
    end: int
    text: str
    section_path: tuple[str, ...]
    page: int | None
    tokens: int


@dataclass(frozen=True)
class Chunker:
    """Text → chunks of at most `max_tokens` of the model's tokens, without overlap.

    Every character that is not white space is in exactly one chunk; no chunk begins or ends with
    white space, or crosses a page; a chunk crosses sections only where one of them is tiny. With
    `max_tokens` None a document is one chunk.
    """

    tokens: TokenCounter
    max_tokens: int | None

    def split(self, parsed: ParsedText) -> list[Chunk]:
        """The chunks of a text, in order; none of a text that is only white space."""
        if self.max_tokens is None:
            return self._chunks(parsed.text, parsed.sections, 0, len(parsed.text))
        chunks: list[Chunk] = []
        for window in _windows(parsed):
            offset = window[0].start
            measure = Measure(parsed.text[offset : window[-1].end], self.tokens)
            for group in _groups(window, measure, offset, self.max_tokens):
                for start, end in _split(parsed.text, group, measure, offset, self.max_tokens):
                    chunks.extend(self._chunks(parsed.text, group, start, end))
        return chunks

    def _chunks(self, text: str, sections: Sequence[Section], start: int, end: int) -> list[Chunk]:
        """The chunk of `text[start:end]` without the white space at its ends, if anything is left.

        More than one where the model takes more tokens for a stretch than it has in the whole text,
        as for a word that was cut in two.
        """
        stretch = text[start:end]
        start += len(stretch) - len(stretch.lstrip())
        stretch = stretch.strip()
        if not stretch:
            return []
        end = start + len(stretch)
        count = self.tokens.count(stretch)
        if self.max_tokens is not None and count > self.max_tokens and len(stretch) > 1:
            middle = start + len(stretch) // 2
            return [
                *self._chunks(text, sections, start, middle),
                *self._chunks(text, sections, middle, end),
            ]
        of = _most_of(sections, start, end)
        return [Chunk(start, end, stretch, of.path if of else (), of.page if of else None, count)]


def _windows(parsed: ParsedText) -> Iterator[list[Section]]:
    """The sections, a page or about `LONGEST_WINDOW` characters at a time."""
    window: list[Section] = []
    for section in parsed.sections:
        for part in _parts(parsed.text, section):
            full = window and part.end - window[0].start > LONGEST_WINDOW
            if window and (full or part.page != window[0].page):
                yield window
                window = []
            window.append(part)
    if window:
        yield window


def _parts(text: str, section: Section) -> Iterator[Section]:
    """A section, cut where it is too long: after a paragraph, a line, a word, or anywhere."""
    start = section.start
    while section.end - start > LONGEST_WINDOW:
        reach = start + LONGEST_WINDOW
        ends = (text.rfind(mark, start + 1, reach) + len(mark) for mark in ("\n\n", "\n", " "))
        cut = next((end for end in ends if end > start + LONGEST_WINDOW // 2), reach)
        yield Section(start, cut, section.path, section.page)
        start = cut
    yield Section(start, section.end, section.path, section.page)


def _groups(
    window: Sequence[Section], measure: Measure, offset: int, limit: int
) -> Iterator[list[Section]]:
    """Sections that are split as one: each alone, but a tiny one with a neighbour it belongs to."""
    group: list[Section] = []
    size = 0
    for section in window:
        added = measure.between(section.start - offset, section.end - offset)
        tiny = min(size, added) * TINY < limit
        if group and not (tiny and size + added <= limit and _related(group[0], section)):
            yield group
            group, size = [], 0
        group.append(section)
        size += added
    if group:
        yield group


def _related(one: Section, other: Section) -> bool:
    """Whether one heading stands over the other, or both under one."""
    shared = sum(1 for a, b in zip(one.path, other.path, strict=False) if a == b)
    return shared > 0 or not one.path or not other.path


def _split(
    text: str, group: Sequence[Section], measure: Measure, offset: int, limit: int
) -> Iterator[tuple[int, int]]:
    """`[start, end)` of a group's pieces, along headings, paragraphs and sentences."""
    start, end = group[0].start, group[-1].end
    if measure.between(start - offset, end - offset) <= limit:
        yield start, end
        return
    splitter = MarkdownSplitter.from_callback(measure.of, limit, trim=False)
    for at, piece in splitter.chunk_indices(text[start:end]):
        yield start + at, start + at + len(piece)


def _most_of(sections: Sequence[Section], start: int, end: int) -> Section | None:
    """The section that most of a chunk is in."""
    return max(
        sections,
        key=lambda section: min(section.end, end) - max(section.start, start),
        default=None,
    )
