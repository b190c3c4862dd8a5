from __future__ import annotations

import pytest

from app.errors import EmptyDocument, PasswordProtected, UnreadableDocument, UnsupportedMediaType
from app.ingestion.file_kinds import DESCRIPTIONS
from app.ingestion.media_type import described, detected
from app.ingestion.parsers.registry import PARSERS, parse
from tests.factories import docx, html, ole, pdf, zipped

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
NOISE = bytes(range(256)) * 4


@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "a.html", "a", "A.MD"])
def test_a_pdf_is_a_pdf_under_any_name(name: str) -> None:
    assert detected(pdf(["words"]), name) == "application/pdf"


def test_a_pdf_may_begin_with_a_few_stray_bytes() -> None:
    assert detected(b"\xff\x00\x01" + pdf(["words"]), "a.pdf") == "application/pdf"


def test_a_text_that_speaks_of_pdfs_is_no_pdf() -> None:
    assert detected(b"A file begins with %PDF-1.7 if it is one.", "a.txt") == "text/plain"


def test_a_docx_is_told_from_other_zips() -> None:
    assert described(detected(docx("words"), "a.zip")) == "a Word document (DOCX)"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x00\x00\x00\x1cftypavif" + NOISE, "an AVIF image"),
        (b"\x00\x00\x00\x1cftypheic" + NOISE, "a HEIC image"),
        (b"OggS" + NOISE, "an Ogg recording"),
        (b"MZ\x90\x00" + NOISE, "an executable program"),
        (b"7z\xbc\xaf\x27\x1c" + NOISE, "a 7-Zip archive"),
        (NOISE, "a binary file of an unknown kind"),
    ],
)
@pytest.mark.parametrize("name", ["file.txt", "file.md", "file"])
def test_what_is_not_read_is_refused_by_what_it_is_not_by_what_it_is_called(
    data: bytes, kind: str, name: str
) -> None:
    with pytest.raises(UnsupportedMediaType, match="Tidemark does not read") as refused:
        parse(data, name)
    assert kind in refused.value.message


@pytest.mark.parametrize("name", ["file.txt", "file.md", "file"])
@pytest.mark.parametrize(
    ("data", "kind"),
    [(PNG, "a PNG image"), (b"\xff\xd8\xff\xe0" + NOISE, "a JPEG image")],
)
def test_a_damaged_picture_is_refused_as_a_picture_whatever_it_is_called(
    data: bytes, kind: str, name: str
) -> None:
    with pytest.raises(UnreadableDocument, match="may be damaged") as refused:
        parse(data, name)
    assert kind in refused.value.message


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (zipped(ppt__presentation_dot_xml="<p/>"), "a PowerPoint presentation (PPTX)"),
        (zipped(xl__workbook_dot_xml="<x/>"), "an Excel workbook (XLSX)"),
        (zipped(mimetype="application/epub+zip"), "an EPUB book"),
        (zipped(readme_dot_txt="hello"), "a ZIP archive"),
        (b"\x1f\x8b\x08" + NOISE, "a gzip archive"),
        (zipped(mimetype="application/vnd.oasis.opendocument.text"), "an OpenDocument text (ODT)"),
        (b"{\\rtf1 hello}", "an RTF document"),
    ],
)
@pytest.mark.parametrize("name", ["file.txt", "file.zip", "file"])
def test_a_package_is_told_by_what_is_in_it(data: bytes, kind: str, name: str) -> None:
    assert described(detected(data, name)) == kind


def test_a_damaged_zip_is_still_told_by_its_members() -> None:
    assert described(detected(docx("words")[:2000], "a.docx")) == "a Word document (DOCX)"


@pytest.mark.parametrize(
    ("streams", "embedded", "kind"),
    [
        (["Workbook"], [], "an old Excel workbook (XLS)"),
        (["WORKBOOK"], [], "an old Excel workbook (XLS)"),
        (["Book"], [], "an old Excel workbook (XLS)"),
        (["Workbook"], ["WordDocument"], "an old Excel workbook (XLS)"),
        (["__properties_version1.0"], ["WordDocument"], "an Outlook message (MSG)"),
        (["WordDocument"], ["Workbook"], "an old Word document (DOC)"),
        (["Contents"], ["WordDocument"], "an old Office file"),
    ],
)
def test_an_old_office_file_is_told_by_what_it_is_and_not_by_what_is_embedded(
    streams: list[str], embedded: list[str], kind: str
) -> None:
    assert described(detected(ole(*streams, embedded=embedded), "a.xls")) == kind


def test_a_schema_of_notebooks_is_no_notebook() -> None:
    schema = '{"properties": {"cell_type": {"enum": ["code"]}}, "cells": {"type": "array"}}'
    assert detected(schema.encode(), "schema.json") == "application/json"


def test_a_package_of_a_kind_that_is_not_read_is_told_by_its_own_word() -> None:
    package = zipped(mimetype="application/hwp+zip", META_INF__container_dot_xml="<x/>")
    assert detected(package, "a.hwpx") == "application/hwp+zip"


def test_an_office_document_under_a_password_says_so() -> None:
    container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
    with pytest.raises(PasswordProtected):
        parse(container + "EncryptedPackage".encode("utf-16-le"), "secret.docx")


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("# Tides\n\nThey turn.", "tides.md", "text/markdown"),
        ("# Tides\n\nThey turn.", "tides.txt", "text/plain"),
        ("# Tides\n\nThey [turn](x).", "tides", "text/markdown"),
        ("#!/bin/sh\n# a\n```", "run", "text/plain"),
        ("# a comment\nimport os", "run.py", "text/x-source"),
        ("a,b\n1,2", "table.csv", "text/csv"),
        ('{"a": 1}', "a.json", "application/json"),
        ("<!DOCTYPE html><p>x", "page.txt", "text/html"),
        ("\n<!-- c -->\n<html><p>x", "page", "text/html"),
        ('<?xml version="1.0"?><html xmlns="x"><p>x</p></html>', "page.xhtml", "text/html"),
        ('<?xml version="1.0"?><feed/>', "feed", "text/xml"),
        ("<p>a fragment", "fragment", "text/html"),
        ("<p align=center>logo</p>\n\n# Read me", "README.md", "text/markdown"),
        ("if a < b and b > c", "notes.txt", "text/plain"),
        ("ID3 tags are in MP3 files", "notes.txt", "text/plain"),
    ],
)
def test_kinds_of_text_are_told_by_content_first_and_then_by_name(
    text: str, name: str, kind: str
) -> None:
    assert detected(text.encode(), name) == kind


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"]
)
def test_text_is_text_in_any_encoding(encoding: str) -> None:
    assert detected("Die Flut kommt später zurück.".encode(encoding), "a.bin") == "text/plain"


def test_a_few_control_characters_do_not_make_a_text_a_binary() -> None:
    assert detected(b"before\x00after, and \x1b[31mred\x1b[0m words", "log.txt") == "text/plain"


@pytest.mark.parametrize("data", [b"", b" \n\t ", "\u3000\n".encode(), b"\xef\xbb\xbf", html("  ")])
def test_a_file_without_words_is_empty(data: bytes) -> None:
    with pytest.raises(EmptyDocument):
        parse(data, "empty.txt")


def test_no_two_parsers_read_one_media_type_and_each_type_has_a_name() -> None:
    kinds = [kind for parser in PARSERS for kind in parser.media_types]
    assert len(kinds) == len(set(kinds))
    assert set(kinds) <= set(DESCRIPTIONS)


def test_a_page_of_comments_is_told_in_no_time() -> None:
    assert detected(b"<!-- c -->" * 5000 + b"words", "page") == "text/plain"
