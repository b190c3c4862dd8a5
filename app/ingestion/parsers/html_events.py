"""A tree of HTML elements → what is read of it, in order: tags, and the text between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from app.ingestion.decoding import cleaned


def tags(*lines: str) -> frozenset[str]:
    """The names in some lines, as a set."""
    return frozenset(name for line in lines for name in line.split())


_UNREAD = tags(
    "script style noscript template head title meta link svg iframe object embed canvas audio",
    "video button select input textarea datalist dialog map area -comment",
)
_FURNITURE = tags("nav footer aside")
_FURNITURE_ROLES = tags("navigation contentinfo complementary search banner")
_FURNITURE_CLASSES = tags(
    "noprint mw-editsection headerlink skip-link skip-to-content sr-only visually-hidden"
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


@dataclass(frozen=True)
class Opened:
    """An element begins; `node` is for what only some elements are asked."""

    tag: str
    node: LexborNode


@dataclass(frozen=True)
class Closed:
    """An element ends."""

    tag: str


@dataclass(frozen=True)
class Words:
    """Text as it stands in the page, not yet with its white space joined."""

    text: str


def events(root: LexborNode, *, furniture: bool) -> Iterator[Opened | Closed | Words]:
    """What a reader reads under `root`: no scripts and controls, nothing hidden.

    Menus, side bars and footers are left out unless `furniture`.
    """
    # A loop, because a tree can be deeper than Python's stack.
    node, above = root, list[LexborNode]()
    while True:
        tag = node.tag or ""
        child = None
        if tag == "-text":
            yield Words(cleaned(node.text_content or ""))
        elif node is root or not _is_unread(node, tag, furniture=furniture):
            yield Opened(tag, node)
            yield from _spoken(tag, node)
            child = node.first_child if tag != "math" else None
            if child is None:
                yield Closed(tag)
        if child is not None:
            above.append(node)
            node = child
            continue
        while above and node.next is None:
            node = above.pop()
            yield Closed(node.tag or "")
        following = node.next if above else None
        if following is None:
            return
        node = following


def _spoken(tag: str, node: LexborNode) -> Iterator[Words]:
    """The words that stand for a picture or a formula."""
    attribute = {"img": "alt", "math": "alttext"}.get(tag)
    words = node.attributes.get(attribute) if attribute else None
    if words:
        yield Words(cleaned(words))


def _is_unread(node: LexborNode, tag: str, *, furniture: bool) -> bool:
    if tag in _UNREAD:
        return True
    attributes = node.attributes
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    if _HIDDEN_STYLE.search(attributes.get("style") or ""):
        return True
    if furniture:
        return False
    return (
        tag in _FURNITURE
        or "hreflang" in attributes  # the same page in another language
        or attributes.get("role") in _FURNITURE_ROLES
        or not _FURNITURE_CLASSES.isdisjoint((attributes.get("class") or "").split())
    )
