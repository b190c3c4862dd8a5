"""Markdown: the text stays as it was written, and its headings become the section map."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.documents.model import ParsedText
from app.ingestion.decoding import decoded
from app.ingestion.parsers.parser import Heading, sections

_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?\n)\1[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(?P<title>.+?)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class MarkdownParser:
    """CommonMark's idea of a heading: not one in a code block, but one with underlines too."""

    name: str = "markdown"
    version: str = "2"
    media_types: frozenset[str] = frozenset({"text/markdown"})

    def parse(self, data: bytes) -> ParsedText:
        return parsed_markdown(decoded(data))


def parsed_markdown(text: str) -> ParsedText:
    """The sections and the title of a Markdown text."""
    front = _FRONT_MATTER.match(text)
    body_start = front.end() if front else 0
    headings = _headings(text, body_start)
    title = _front_matter_title(front.group(2)) if front else None
    if title is None and headings and headings[0].level == 1:
        title = headings[0].title or None
    return ParsedText(text, sections(text, headings), title)


def _headings(text: str, body_start: int) -> list[Heading]:
    body = text[body_start:]
    # markdown-it counts lines by "\n" alone, and so must the offsets of the lines here.
    line_starts = [0, *(match.end() for match in re.finditer("\n", body))]
    found = []
    tokens = MarkdownIt("commonmark").parse(body)
    for opening, inline in pairwise(tokens):
        # Level 0 is the document itself: a heading in a quote or a list item divides nothing.
        if opening.type == "heading_open" and opening.level == 0 and opening.map:
            start = body_start + line_starts[opening.map[0]]
            found.append(Heading(start, int(opening.tag[1:]), _words(inline)))
    return found


def _words(inline: Token) -> str:
    """What a heading says, without its markup."""
    shown = (
        " " if child.type in {"softbreak", "hardbreak"} else child.content
        for child in inline.children or ()
        if child.type != "html_inline"
    )
    return " ".join("".join(shown).split())


def _front_matter_title(front: str) -> str | None:
    match = _TITLE.search(front)
    return (match.group("title").strip("\"'").strip() or None) if match else None
