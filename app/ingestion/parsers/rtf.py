"""RTF: the words of it; it has no headings that could be relied on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from striprtf.striprtf import rtf_to_text

from app.documents.model import ParsedText
from app.ingestion.decoding import cleaned, cleaned_line, known_encoding
from app.ingestion.parsers.facts import facts, with_facts
from app.ingestion.parsers.parser import sections

_CODE_PAGE = re.compile(r"\\(?:ansicpg(\d{1,5})|(mac|pca?)(?![a-z]))")
_NAMED_PAGES = {"mac": "mac_roman", "10000": "mac_roman", "pc": "cp437", "pca": "cp850"}
_HEAD = 1_000
"""Characters within which a document names its code page."""
_INFO = re.compile(r"\\info(?![a-z])")
_LONGEST_INFO = 20_000
# What is told of the document, in a group of its own with groups in it at most.
_TOLD = r"\{\\%s(?![a-z])\s?((?:[^{}]|\{[^{}]*\}){1,1000})\}"
_TITLE, _AUTHOR = re.compile(_TOLD % "title"), re.compile(_TOLD % "author")
_DATE = r"\{\\%s\\yr(\d{4})\\mo(\d\d?)\\dy(\d\d?)"
_SAVED, _MADE = re.compile(_DATE % "revtim"), re.compile(_DATE % "creatim")
_PICTURE = re.compile(rb"(?:[0-9a-fA-F]{64,}+\s*+)+")
# Three things that the library would drop with all their words. A text box:
_TEXT_BOX = re.compile(r"(?:\\\*)?\\(shp|shpgrp|shpinst|shptxt)(?![a-z])")
# A footnote, which stays where it is referred to:
_FOOTNOTE = re.compile(r"\{\s*(?:\\\*)?\\footnote(?![a-z]) ?")
# What may be ignored is said ahead of a group; anywhere else, as some programs do, it says nothing.
_NOT_AHEAD = re.compile(r"(?<![{\s\\])\\\*(?=\\[a-z])")
_UNCOUNTED = re.compile(r"\\bin(?![0-9a-z])")
_MANY_LINES = re.compile(r"\n\s*\n\s*\n")


@dataclass(frozen=True)
class RtfParser:
    """The words, below who wrote them and when; letters by the document's code page."""

    name: str = "striprtf"
    version: str = "3"
    media_types: frozenset[str] = frozenset({"application/rtf"})

    def parse(self, data: bytes) -> ParsedText:
        encoding = _encoding(data[:_HEAD].decode("latin-1"))
        # Pictures are long rows of digits, and most of the bytes; or as many bytes as they say.
        counted = "cp1252" if b"\\bin" in data else encoding
        marked = _PICTURE.sub(b"", data).decode(counted, errors="replace")
        marked = _CODE_PAGE.sub("", marked[:_HEAD]) + marked[_HEAD:]  # not all that Python knows
        marked = _UNCOUNTED.sub("", marked)
        marked = _NOT_AHEAD.sub("", _TEXT_BOX.sub(r"\\x\1", _FOOTNOTE.sub(r"{ ", marked)))
        text = cleaned(_words(marked, encoding))
        text = _MANY_LINES.sub("\n\n", text).strip("\n")
        info = _info(marked)
        title, author = (cleaned_line(_told(info, each, encoding)) for each in (_TITLE, _AUTHOR))
        parsed = ParsedText(text, sections(text, ()), title or None)
        return with_facts(facts(author, _date(info)), parsed)


def _encoding(head: str) -> str:
    pages = [page for named in _CODE_PAGE.findall(head) for page in named if page]
    page = max(pages, key=str.isdecimal, default="")  # a number says more than a name
    return known_encoding(_NAMED_PAGES.get(page, f"cp{page}")) or "cp1252"


def _info(marked: str) -> str:
    found = _INFO.search(marked)
    return marked[found.start() :][:_LONGEST_INFO] if found else ""


def _told(info: str, what: re.Pattern[str], encoding: str) -> str:
    # Told twice where letters are not in the code page; in all of them the second time.
    told = what.findall(info)
    return _words(f"{{\\rtf1 {told[-1]}}}", encoding) if told else ""


def _date(info: str) -> str | None:
    told = _SAVED.search(info) or _MADE.search(info)
    return "{:0>4}-{:0>2}-{:0>2}".format(*told.groups()) if told else None


def _words(marked: str, encoding: str) -> str:
    words: str = rtf_to_text(marked, encoding=encoding, errors="replace")  # type: ignore[no-untyped-call]
    return words
