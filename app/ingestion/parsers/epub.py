"""EPUB: the chapters in the book's own order, each read as HTML."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree import ElementTree as ET
from zipfile import ZipFile

from app.documents.model import ParsedText
from app.errors import UnreadableDocument
from app.ingestion.decoding import decoded
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.html import declared_charset, parsed_html
from app.ingestion.parsers.packages import opened_package
from app.ingestion.parsers.xml_tree import tree, words

_PACKAGE = "{http://www.idpf.org/2007/opf}"
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_FACTS = (("creator", "Author"), ("publisher", "Publisher"), ("date", "Date"))


@dataclass(frozen=True)
class EpubParser:
    """Title, author and date, then what the spine lists; the table of contents is left out."""

    name: str = "epub"
    version: str = "3"
    media_types: frozenset[str] = frozenset({"application/epub+zip"})

    def parse(self, data: bytes) -> ParsedText:
        with opened_package(data, "an EPUB book") as book:
            try:
                place = _package_place(book)
                package = tree(book.read(place))
            except ET.ParseError as fault:
                raise UnreadableDocument("The EPUB book is damaged or incomplete.") from fault
            draft = Draft()
            facts = ((label, package.iter(_DUBLIN_CORE + name)) for name, label in _FACTS)
            told = ((label, ", ".join(map(words, found))) for label, found in facts)
            draft.block("\n".join(f"{label}: {text}" for label, text in told if text))
            names = set(book.namelist())
            for chapter in _chapters(package, posixpath.dirname(place)):
                if chapter in names:
                    page = book.read(chapter)
                    draft.add(parsed_html(decoded(page, declared_charset(page))), level=0)
            return draft.parsed(words(next(package.iter(_DUBLIN_CORE + "title"), None)))


def _package_place(book: ZipFile) -> str:
    container = tree(book.read("META-INF/container.xml"))
    for element in container.iter():
        if element.tag.endswith("rootfile") and element.get("full-path"):
            return str(element.get("full-path"))
    raise UnreadableDocument("The EPUB book does not say where its contents are.")


def _chapters(package: ET.Element, folder: str) -> Iterator[str]:
    items = {item.get("id"): item for item in package.iter(_PACKAGE + "item")}
    for reference in package.iter(_PACKAGE + "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or "nav" in (item.get("properties") or "").split():
            continue
        if "html" in (item.get("media-type") or "html"):
            yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or "")))
