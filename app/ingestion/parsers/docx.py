"""DOCX: through HTML, which keeps headings, lists, tables and links, and then as any HTML."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, replace
from io import BytesIO

import mammoth

from app.documents.model import ParsedText
from app.errors import PasswordProtected, UnreadableDocument
from app.ingestion.decoding import cleaned
from app.ingestion.file_kinds import DOCX, ENCRYPTED_OFFICE
from app.ingestion.parsers.docx_drawing import with_drawings_as_text
from app.ingestion.parsers.docx_math import with_formulas_as_text
from app.ingestion.parsers.drawing import related_by
from app.ingestion.parsers.facts import CORE, core_of, with_facts
from app.ingestion.parsers.html import parsed_html

LARGEST_XML = 25_000_000
"""Bytes of XML, unpacked, that a document may have; its tree takes twenty times as much or more."""

_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Code'] => pre:separator('\\n')
p[style-name='HTML Preformatted'] => pre:separator('\\n')
"""
# How letters look and which session typed them: half of the elements, and none of the text.
_LOOKS = re.compile(
    rb'\sw(?:14)?:(?:rsid\w*|paraId|textId)="[^"<>]*"'
    rb"|<w:(?:lang|spacing|rFonts|szCs|sz|color|ind|jc|kern|shd|bCs|iCs|noProof|proofErr|keepNext"
    rb"|keepLines|widowControl|contextualSpacing|lastRenderedPageBreak)(?:\s[^<>]*)?/>"
)
# Not the marks of a range, whose names begin alike.
_MOVED = re.compile(rb"<(/?)w:moveTo([\s>])")
_MOVED_AWAY = re.compile(rb"<(/?)w:moveFrom([\s>])")
_AROUND = re.compile(
    rb"</?w:(?:dir|bdo|fldSimple)(?:\s+[\w:]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*+\s*/?>"
)
_RUBY = re.compile(
    rb"<w:rubyPr(?:/>|>.*?</w:rubyPr>)|<w:rt>.*?</w:rt>|</?w:ruby(?:Base)?>", re.DOTALL
)
_NUMBERS, _NOTES = ("word/numbering.xml",), ("word/footnotes.xml", "word/endnotes.xml")
_LEFT_OUT: tuple[tuple[str, ...], ...] = (
    *((), _NUMBERS, _NOTES, _NUMBERS + _NOTES),
    (*_NUMBERS, *_NOTES, "word/styles.xml"),
)
"""Parts without which a document is still read, tried in turn where they are damaged."""
_REFERENCE = re.compile(rb"<w:(?:footnote|endnote)Reference\s[^<>]*/>")
_DAMAGED = "The Word document is damaged and cannot be opened."


@dataclass(frozen=True)
class DocxParser:
    """Headings, lists, tables, formulas, charts, SmartArt; no comments, page headers, footers."""

    name: str = "mammoth"
    version: str = "6"
    media_types: frozenset[str] = frozenset({DOCX})

    def parse(self, data: bytes) -> ParsedText:
        try:
            parts = _xml_parts(data)
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as fault:
            raise UnreadableDocument(_DAMAGED) from fault
        except RuntimeError as fault:  # what zipfile raises for a member under a password
            raise PasswordProtected("The Word document is packed under a password.") from fault
        parsed = parsed_html(cleaned(_html(parts)))
        core = core_of(parts.get(CORE))
        return with_facts(core.facts, replace(parsed, title=core.title or parsed.title))


@dataclass(frozen=True)
class EncryptedOfficeParser:
    """A modern Office document under a password is in a container of its own kind."""

    name: str = "encrypted-office"
    version: str = "1"
    media_types: frozenset[str] = frozenset({ENCRYPTED_OFFICE})

    def parse(self, data: bytes) -> ParsedText:  # noqa: ARG002
        raise PasswordProtected("The Office document is protected with a password.")


def _xml_parts(data: bytes) -> dict[str, bytes]:
    """The XML in the package; pictures stay packed, and a bomb is refused while it is small."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = [m for m in archive.infolist() if m.filename.endswith((".xml", ".rels"))]
        # zipfile gives no more bytes of a member than the size it declares.
        size = sum(member.file_size for member in members)
        if size > LARGEST_XML:
            raise UnreadableDocument(
                f"The Word document unpacks to {size // 1_000_000} MB of XML;"
                f" Tidemark reads up to {LARGEST_XML // 1_000_000} MB.",
                remedy="Split the document, and upload its parts.",
            )
        parts = {member.filename: archive.read(member) for member in members}
    if any(b"<!DOCTYPE" in part or b"<!ENTITY" in part for part in parts.values()):
        # They make a small file large, or read other files.
        raise UnreadableDocument("The Word document declares XML entities, which Word never does.")
    return parts


def _html(parts: dict[str, bytes]) -> str:
    for left_out in _LEFT_OUT:
        kept = {name: part for name, part in parts.items() if name not in left_out}
        if _NOTES[0] in left_out:
            kept = {name: _REFERENCE.sub(b"", part) for name, part in kept.items()}
        try:
            html: str = mammoth.convert_to_html(
                _packed(kept),
                style_map=_STYLES,
                convert_image=mammoth.images.img_element(_no_image),
            ).value
        except (AttributeError, KeyError):  # as it looks for what the part does not have
            if left_out == _LEFT_OUT[-1]:
                raise
        else:
            return html
    raise AssertionError


def _packed(parts: dict[str, bytes]) -> BytesIO:
    package = BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for name, part in parts.items():
            written = with_formulas_as_text(_said(_LOOKS.sub(b"", part)))
            archive.writestr(name, with_drawings_as_text(written, related_by(name, parts.get)))
    package.seek(0)
    return package


def _said(part: bytes) -> bytes:
    """What was moved stands where it was moved to, and readings do not stand beside their words.

    The library drops both, with their words, and those of simple fields and in another direction.
    """
    if b"<w:moveTo" in part or b"<w:moveFrom" in part:
        part = _MOVED.sub(rb"<\1w:ins\2", _MOVED_AWAY.sub(rb"<\1w:del\2", part))
    part = _AROUND.sub(b"", part).replace(b"<w:cr/>", b"<w:br/>")
    return _RUBY.sub(b"", part) if b"<w:ruby" in part else part


def _no_image(_image: object) -> dict[str, str]:
    return {"src": ""}  # only its description is read
