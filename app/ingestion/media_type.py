"""What kind of file some bytes are, told by the bytes: a name can say anything."""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import PurePosixPath

from olefile import OleFileIO

from app.ingestion.decoding import BYTE_ORDER_MARKS, SAMPLE_BYTES, decoded, wide_encoding
from app.ingestion.file_kinds import (
    BINARY,
    DESCRIPTIONS,
    EMAIL,
    HTML_NAMES,
    MARKDOWN_NAMES,
    MBOX,
    MBOX_NAMES,
    NAMED_TEXTS,
    NOTEBOOK,
    OFFICE_PARTS,
    OLE_STREAMS,
    SIGNATURES,
)

DAMAGED_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, struct.error),
)
"""What zipfile raises where a ZIP is cut short, damaged or under a password."""
_PDF_HEADER_WITHIN = 1024  # where readers, PDFium among them, look for it
_ZIP_MEMBERS_READ = 64
_LONGEST_MIMETYPE = 200
_ENOUGH_SIGNS = 2
_CONTROL_BYTES = bytes({*range(0x20), 0x7F} - set(b"\t\n\r\f\x08\x1b"))

_HTML_START = re.compile(
    # Possessive: a comment that may end at any later "-->" takes time without bounds.
    r"\s*+(?:<\?xml[^>]*+>\s*+|(?><!--.*?-->)\s*+)*+<(?:!doctype\s+html|html|head|body)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_HTML_FRAGMENT = re.compile(
    r"\s*+(?:(?><!--.*?-->)\s*+)*+"
    r"<(?:title|meta|link|script|style|div|p|h[1-6]|table|ul|ol|article|section|main|span|a|br|b|i)"
    r"[\s/>]",
    re.IGNORECASE | re.DOTALL,
)
_ANY_TAG = re.compile(r"</?[a-z][a-z0-9]*[\s/>]", re.IGNORECASE)
_XML_START = re.compile(r"\s*<\?xml[\s?]")
_JSON_START = re.compile(r"\s*+(?:\{\s*+(?:\"|\})|\[\s*+(?:[\[{\"\]\d-]|true|false|null))")
_MEDIA_TYPE = re.compile(r"[a-z]+/[\w.+-]+", re.ASCII)
_NOTEBOOK = re.compile(r"\"(?:cells|worksheets)\"\s*:\s*\[")
_JSON_NAMES = frozenset({"", ".json", ".ipynb", ".jsonl", ".ndjson", ".geojson"})
# The lines before the first empty one, if each is a header or a header's next line.
_EMAIL_HEAD = re.compile(r"\s*+((?:[!-9;-~]{1,76}+:[^\n]*+\n(?:[ \t][^\n]*+\n)*+)++)(?:\n|\Z)")
_MBOX_START = re.compile(r"From [^\n]*\d\d:\d\d[^\n]*\n")
_EMAIL_HEADER = re.compile(
    r"^(from|to|cc|subject|date|received|return-path|reply-to|message-id|mime-version|content-type):",
    re.IGNORECASE | re.MULTILINE,
)
_MULTIPART = re.compile(r"^content-type:\s*multipart/", re.IGNORECASE | re.MULTILINE)
_MARKDOWN_SIGNS = (
    re.compile(r"^#{1,6} \S", re.MULTILINE),
    re.compile(r"^(?:```|~~~)", re.MULTILINE),
    re.compile(r"\[[^\]\n]+\]\([^)\s]+\)"),
    re.compile(r"^\|?[ :]*-{3,}[ :]*\|", re.MULTILINE),
    re.compile(r"\*\*[^*\n]+\*\*"),
)


def detected(data: bytes, name: str = "") -> str:
    """The media type of `data`.

    `name` decides only between kinds of text that can't be told apart: Markdown, CSV, source code,
    plain. What is not a text and not known is `application/octet-stream`.
    """
    is_text = _is_text(data)
    header = data.find(b"%PDF-", 0, _PDF_HEADER_WITHIN)
    if header == 0 or (header > 0 and b"endobj" in data):
        return "application/pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(data)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole_kind(data)
    for offset, signature, kind in SIGNATURES:
        # A text may begin with what is also a signature in letters: "ID3 tags are…".
        if data.startswith(signature, offset) and not (is_text and signature.isalnum()):
            return kind
    return _text_kind(data, name) if is_text else BINARY


def described(media_type: str) -> str:
    """`media_type` as a person says it, with its article: "a PDF", "a PNG image"."""
    return DESCRIPTIONS.get(media_type, f"of the kind {media_type}")


def _zip_kind(data: bytes) -> str:
    """ZIP is what many formats are packed in; what it contains says which."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
            if "mimetype" in names and archive.getinfo("mimetype").file_size < _LONGEST_MIMETYPE:
                declared = archive.read("mimetype").decode("ascii", errors="replace").strip()
                if _MEDIA_TYPE.fullmatch(declared):
                    return declared
    except DAMAGED_ZIP:
        # Cut short or damaged: a list of its first members is still there to be looked at.
        names = {
            member.decode("utf-8", errors="replace")
            for member in re.findall(rb"PK\x03\x04.{26}([\w\[][\w/.\[\]-]+)", data, re.DOTALL)[
                :_ZIP_MEMBERS_READ
            ]
        }
    for part, kind in OFFICE_PARTS:
        if any(name.startswith(part) for name in names):
            return kind
    return "application/zip"


def _ole_kind(data: bytes) -> str:
    """The container of old Office files, and of new ones under a password: its streams tell."""
    try:
        with OleFileIO(BytesIO(data)) as container:
            kinds = [kind for stream, kind in OLE_STREAMS if container.exists(stream)]
    except Exception:  # noqa: BLE001 - olefile raises many kinds on a damaged container
        kinds = [kind for stream, kind in OLE_STREAMS if stream.encode("utf-16-le") in data]
    return kinds[0] if kinds else "application/x-ole-storage"


def _is_text(data: bytes) -> bool:
    if any(data.startswith(mark) for mark, _ in BYTE_ORDER_MARKS) or wide_encoding(data):
        return True
    sample = data[:SAMPLE_BYTES]
    controls = len(sample) - len(sample.translate(None, _CONTROL_BYTES))
    try:
        # A letter may be cut in two at the sample's end.
        sample[: max(len(sample) - 3, 0) or len(sample)].decode("utf-8")
        allowed = max(2, len(sample) // 10)  # it can hardly be UTF-8 by chance: a log, a stray NUL
    except UnicodeDecodeError:
        allowed = max(1, len(sample) // 200)
    return controls <= allowed


def _text_kind(data: bytes, name: str) -> str:
    text = decoded(data[:SAMPLE_BYTES])
    extension = PurePosixPath(name.lower().strip()).suffix
    if text.startswith("{\\rtf"):
        return "application/rtf"
    if extension in MARKDOWN_NAMES:
        return "text/markdown"  # which may well begin with HTML
    if _HTML_START.match(text) or (extension in HTML_NAMES and _ANY_TAG.search(text)):
        return "text/html"
    if _XML_START.match(text):
        return "text/xml"
    return (
        _structured_kind(text, extension)
        or NAMED_TEXTS.get(extension)
        or _unnamed_text_kind(text, known=bool(extension))
    )


def _structured_kind(text: str, extension: str) -> str | None:
    """E-mail and JSON, which may be anything's name or none."""
    folder = _MBOX_START.match(text)
    if folder and (extension in MBOX_NAMES or _is_email(text[folder.end() :], ".eml")):
        return MBOX
    if _is_email(text, extension):
        return EMAIL
    if extension in _JSON_NAMES and _JSON_START.match(text):
        notebook = '"cell_type"' in text and "{" in text[:8] and _NOTEBOOK.search(text)
        return NOTEBOOK if notebook else "application/json"
    return None


def _is_email(text: str, extension: str) -> bool:
    """Whether a text begins with the lines that a message begins with."""
    head = _EMAIL_HEAD.match(text)
    if head is None:
        return False
    headers = {header.lower() for header in _EMAIL_HEADER.findall(head.group(1))}
    wanted = _ENOUGH_SIGNS if extension == ".eml" else _ENOUGH_SIGNS + 1
    if "mime-version" in headers and _MULTIPART.search(head.group(1)):
        return True  # from nobody: a page that a browser or an office program saved
    return len(headers) >= wanted and "from" in headers


def _unnamed_text_kind(text: str, *, known: bool) -> str:
    """A text whose name says nothing: HTML by its first tag, Markdown by its signs, or plain."""
    if _HTML_FRAGMENT.match(text):
        return "text/html"
    if known or text.startswith("#!"):
        return "text/plain"
    signs = sum(bool(sign.search(text)) for sign in _MARKDOWN_SIGNS)
    return "text/markdown" if signs >= _ENOUGH_SIGNS else "text/plain"
