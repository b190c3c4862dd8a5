"""HTML: what a reader of the page would read, as Markdown-like text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from app.documents.model import ParsedText
from app.errors import UnreadableDocument
from app.ingestion.decoding import decoded
from app.ingestion.parsers.facts import facts, with_facts
from app.ingestion.parsers.html_blocks import HtmlBlocks
from app.ingestion.parsers.html_events import events, tags
from app.ingestion.parsers.parser import sections

_CHARSET = re.compile(
    rb"""(?:charset|<\?xml[^>]{0,80}?\sencoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)
_CHARSET_WITHIN = 4096
_TAG = re.compile(r"<(/?)([a-z][a-z0-9-]*)\b[^>]*?(/?)>", re.IGNORECASE)
_NEVER_NEST = tags(
    "p li dt dd tr td th thead tbody tfoot option optgroup colgroup rt rp caption",
    "area base br col embed hr img input link meta param source track wbr",
)
_AUTHOR = ("author", "dc.creator", "dcterms.creator", "article:author")
_DATE = (
    *("article:modified_time", "dcterms.modified", "article:published_time"),
    *("date", "dc.date", "dcterms.date", "dcterms.created"),
)
DEEPEST = 5_000
"""Elements in elements; the time to build the tree grows with its square, and no page has more."""
_MAIN_SHARE = 0.3


@dataclass(frozen=True)
class HtmlParser:
    """Who wrote a page and when, and its main part: no scripts, menus, footers, hidden text."""

    name: str = "html"
    version: str = "5"
    media_types: frozenset[str] = frozenset({"text/html"})

    def parse(self, data: bytes) -> ParsedText:
        html = decoded(data, declared_charset(data))
        parsed = parsed_html(html)  # which refuses what is nested too deep
        return with_facts(_facts(LexborHTMLParser(html)), parsed)


def declared_charset(data: bytes) -> str | None:
    """The encoding that a page names at its beginning."""
    declared = _CHARSET.search(data[:_CHARSET_WITHIN])
    return declared.group(1).decode() if declared else None


def parsed_html(html: str) -> ParsedText:
    """The text of a page or of a fragment of HTML.

    Raises:
        UnreadableDocument: elements are nested deeper than `DEEPEST`.
    """
    if _depth(html) > DEEPEST:
        raise UnreadableDocument("The HTML has elements nested thousands deep.")
    page = LexborHTMLParser(html)
    title = page.css_first("title")
    body = page.body
    if body is None:  # a frameset has none
        return ParsedText("", ())
    blocks = HtmlBlocks.of(events(_main_part(page, body), furniture=False))
    if not blocks.text:  # all of it looked like menus: better than nothing
        blocks = HtmlBlocks.of(events(body, furniture=True))
    named = " ".join(title.text().split()) if title else ""
    if not named and blocks.headings and blocks.headings[0].level == 1:
        named = blocks.headings[0].title
    return ParsedText(blocks.text, sections(blocks.text, blocks.headings), named or None)


def _facts(page: LexborHTMLParser) -> str:
    told: dict[str, str] = {}
    for meta in page.css("meta[content]"):
        name = meta.attributes.get("name") or meta.attributes.get("property") or ""
        told.setdefault(name.lower(), meta.attributes.get("content") or "")
    author, date = (next(filter(None, map(told.get, names)), "") for names in (_AUTHOR, _DATE))
    return facts("" if "://" in author else author, date)


def _depth(html: str) -> int:
    """How deep elements may be nested: tags that are opened and not closed."""
    depth = deepest = 0
    for closing, tag, empty in _TAG.findall(html):
        if tag.lower() in _NEVER_NEST:
            continue
        if closing:
            depth = max(depth - 1, 0)
        elif not empty:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _main_part(page: LexborHTMLParser, body: LexborNode) -> LexborNode:
    """The page's one `main`, or its one `article`, if it holds a good part of the text."""
    for selector in ("main", "[role=main]", "article"):
        found = page.css(selector)
        if len(found) == 1 and _letters(found[0]) >= _MAIN_SHARE * _letters(body):
            return found[0]
    return body


def _letters(node: LexborNode) -> int:
    return len("".join(node.text(deep=True).split()))
