"""The parsers there are, and the one way through them."""

from __future__ import annotations

from app.errors import EmptyDocument, TidemarkError, UnreadableDocument, UnsupportedMediaType
from app.ingestion import media_type
from app.ingestion.parsers import ocr
from app.ingestion.parsers.archive import PackedParser, TarParser, ZipParser
from app.ingestion.parsers.delimited import DelimitedParser
from app.ingestion.parsers.doc import DocParser
from app.ingestion.parsers.docx import DocxParser, EncryptedOfficeParser
from app.ingestion.parsers.eml import EmlParser
from app.ingestion.parsers.epub import EpubParser
from app.ingestion.parsers.html import HtmlParser
from app.ingestion.parsers.image import ImageParser
from app.ingestion.parsers.json_text import JsonParser
from app.ingestion.parsers.markdown import MarkdownParser
from app.ingestion.parsers.mbox import MboxParser
from app.ingestion.parsers.msg import MsgParser
from app.ingestion.parsers.notebook import NotebookParser
from app.ingestion.parsers.odf import OdfParser
from app.ingestion.parsers.parser import Parsed, Parser
from app.ingestion.parsers.pdf import PdfParser
from app.ingestion.parsers.ppt import PptParser
from app.ingestion.parsers.pptx import PptxParser
from app.ingestion.parsers.rtf import RtfParser
from app.ingestion.parsers.source import SourceParser
from app.ingestion.parsers.text import TextParser
from app.ingestion.parsers.xls import XlsParser
from app.ingestion.parsers.xlsb import XlsbParser
from app.ingestion.parsers.xlsx import XlsxParser
from app.ingestion.parsers.xml_text import XmlParser

PARSERS: tuple[Parser, ...] = (
    TextParser(),
    MarkdownParser(),
    HtmlParser(),
    PdfParser(),
    DocxParser(),
    DocParser(),
    EncryptedOfficeParser(),
    DelimitedParser(),
    XlsxParser(),
    XlsParser(),
    XlsbParser(),
    PptxParser(),
    PptParser(),
    JsonParser(),
    NotebookParser(),
    SourceParser(),
    XmlParser(),
    OdfParser(),
    RtfParser(),
    EpubParser(),
    EmlParser(),
    MboxParser(),
    MsgParser(),
    ImageParser(),
    ZipParser(),
    TarParser(),
    PackedParser(),
)
_BY_MEDIA_TYPE = {kind: parser for parser in PARSERS for kind in parser.media_types}


def parse(data: bytes, name: str) -> Parsed:
    """Read the document `data`, told by its content; `name` only decides between kinds of text.

    Raises:
        EmptyDocument: there is nothing in it but space.
        UnsupportedMediaType: a kind of file without a parser; the message names the kind.
        PasswordProtected, ScannedDocument, UnreadableDocument: as the parser found it.
    """
    if not data.strip():
        raise EmptyDocument("The file is empty.")
    kind = media_type.detected(data, name)
    parser = _BY_MEDIA_TYPE.get(kind)
    if parser is None:
        raise UnsupportedMediaType(
            f"The file is {media_type.described(kind)}, which Tidemark does not read."
        )
    try:
        text = parser.parse(data)
    except (TidemarkError, MemoryError, ocr.RecognitionNeeded):
        raise
    except RecursionError as fault:
        raise UnreadableDocument(
            f"The file is {media_type.described(kind)} with things nested too deep in each other."
        ) from fault
    except Exception as fault:
        # The one boundary where anything is caught: what a library raises on a damaged file is
        # nobody's promise, and one file must fail alone.
        raise UnreadableDocument(
            f"The file is {media_type.described(kind)} that cannot be read; it may be damaged."
        ) from fault
    if not text.text.strip():
        raise EmptyDocument(f"The file is {media_type.described(kind)} without any text.")
    return Parsed(kind, parser.name, parser.version, text)


def parse_without_recognition(data: bytes, name: str) -> Parsed:
    """As `parse`, for documents in which no text has to be recognized in pictures.

    Raises:
        RecognitionNeeded: it has, and can be here.
    """
    with ocr.postponed():
        return parse(data, name)


def parse_without_pictures(data: bytes, name: str) -> Parsed:
    """As `parse`, with every picture told as one that could not be read."""
    with ocr.given_up():
        return parse(data, name)
