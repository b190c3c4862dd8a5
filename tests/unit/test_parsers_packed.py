"""Files with files in them: books, e-mails, archives."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import PasswordProtected, UnreadableDocument
from app.ingestion.parsers import archive
from app.ingestion.parsers.registry import parse
from tests.factories import eml, epub, html, pdf, tar_of, with_part, zip_of
from tests.unit.parsing import check_read_or_refused, check_whole, damaged

BOOK = epub("<h1>One</h1><p>High.</p>", "<h1>Two</h1><h2>Low</h2><p>Low.</p>")
LETTER = eml("The tide turns.\n", attached={"ports.csv": b"port,high\nBrest,6\n"})
MEMBERS = {"a.md": b"# Tides\n\nThey turn.", "in/b.csv": b"port,high\nBrest,6\n"}
TEXT = "# a.md\n\n# Tides\n\nThey turn.\n\n# in/b.csv\n\nport: Brest; high: 6"


def test_a_book_is_read_in_its_own_order_without_its_table_of_contents() -> None:
    parsed = parse(BOOK, "a.epub").text
    check_whole(parsed)
    assert parsed.text == "Author: Ann Shore\n\n# One\n\nHigh.\n\n# Two\n\n## Low\n\nLow."
    assert parsed.title == "Tides"
    assert [each.path for each in parsed.sections] == [(), ("One",), ("Two",), ("Two", "Low")]


def test_a_book_that_declares_entities_is_refused() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    with pytest.raises(UnreadableDocument, match="entities"):
        parse(with_part(BOOK, "META-INF/container.xml", bomb), "a.epub")


def test_an_e_mail_has_a_head_a_body_and_attachments() -> None:
    parsed = parse(LETTER, "letter.eml").text
    check_whole(parsed)
    assert parsed.text == (
        "# Tides\n\nFrom: Ann Größe <ann@example.com>\nTo: bob@example.com\n"
        "Date: Wed, 01 May 2024 12:00:00 +0000\n\nThe tide turns.\n\n"
        "## ports.csv\n\nport: Brest; high: 6"
    )
    assert parsed.title == "Tides"


def test_an_e_mail_is_told_by_its_head_whatever_it_is_called() -> None:
    assert parse(LETTER, "letter").media_type == "message/rfc822"
    assert parse(b"Note: this\nis: no\n\nmail", "a.txt").media_type == "text/plain"


def test_an_e_mails_html_is_read_where_there_is_nothing_plain() -> None:
    assert "- high" in parse(eml("", html="<ul><li>high</ul>"), "a.eml").text.text
    assert "high" not in parse(eml("low", html="<ul><li>high</ul>"), "a.eml").text.text


def test_an_attachment_that_cannot_be_read_is_named() -> None:
    text = parse(eml("See.", attached={"a.ogg": b"OggS" + bytes(9)}), "a.eml").text.text
    assert text.endswith("See.\n\nAttached, and not read: a.ogg")


@pytest.mark.parametrize(
    "data",
    [
        zip_of(MEMBERS),
        tar_of(MEMBERS),
        tar_of(MEMBERS, "gz"),
        tar_of(MEMBERS, "bz2"),
        tar_of(MEMBERS, "xz"),
    ],
)
def test_the_files_of_an_archive_are_sections(data: bytes) -> None:
    parsed = parse(data, "archive").text
    check_whole(parsed)
    assert parsed.text == TEXT
    assert [each.path for each in parsed.sections] == [
        ("a.md",),
        ("a.md", "Tides"),
        ("in/b.csv",),
        ("in/b.csv", "Rows 2-2"),
    ]


def test_files_of_many_kinds_may_be_in_one_archive() -> None:
    data = zip_of({"a.pdf": pdf(["in a PDF"]), "b.html": html("<p>in HTML"), "c.eml": LETTER})
    text = parse(data, "a.zip").text.text
    assert all(words in text for words in ("in a PDF", "in HTML", "The tide turns."))


def test_what_cannot_be_read_in_an_archive_is_named_with_its_reason() -> None:
    data = zip_of({"a.txt": "words", "b.ogg": b"OggS" + bytes(9)})
    assert parse(data, "a.zip").text.text.endswith(
        "# Not read\n\n- b.ogg: The file is an Ogg recording, which Tidemark does not read."
    )


def test_an_archive_of_nothing_readable_says_so() -> None:
    with pytest.raises(UnreadableDocument, match="nothing that can be read"):
        parse(zip_of({"b.ogg": b"OggS" + bytes(9)}), "a.zip")


def test_archives_are_opened_in_each_other_but_not_for_ever() -> None:
    data = zip_of({"words.txt": "found"})
    two = zip_of({"in.zip": data})
    assert "found" in parse(two, "a.zip").text.text
    with pytest.raises(UnreadableDocument, match="too deep"):
        parse(zip_of({"in.zip": two}), "a.zip")


@pytest.mark.parametrize("pack", [zip_of, tar_of, lambda members: tar_of(members, "gz")])
def test_an_archive_that_unpacks_without_measure_is_refused(
    pack: Callable[[dict[str, bytes]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "LARGEST_UNPACKED", 3_000_000)
    with pytest.raises(UnreadableDocument, match="3 MB"):
        parse(pack({f"{number}.txt": b" " * 1_000_000 for number in range(5)}), "archive")


def test_an_archive_under_a_password_says_so() -> None:
    data = bytearray(zip_of({"a.txt": "words"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    assert zipfile.is_zipfile(BytesIO(data))
    with pytest.raises(PasswordProtected):
        parse(bytes(data), "a.zip")


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([BOOK, zip_of(MEMBERS), tar_of(MEMBERS), LETTER]).flatmap(damaged))
def test_what_is_damaged_is_read_or_refused_in_words(data: bytes) -> None:
    check_read_or_refused(data, "a.eml")


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=3000))
def test_an_outlook_message_of_noise_is_refused_in_words(noise: bytes) -> None:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "__substg1.0_".encode("utf-16-le")
    check_read_or_refused(head + noise, "a.msg")


def test_a_mailbox_is_read_message_by_message() -> None:
    first = eml("The tide turns.\n\n>From here it ebbs.\nFrom 10:00 on it is low.\n")
    second = eml("It is low.\n", subject="Ebb", attached={"ports.csv": b"port,high\nBrest,6\n"})
    mailbox = b"".join(
        b"From ann@shore.test Mon Jun  1 10:00:00 2026\n" + each + b"\n\n"
        for each in (first, second)
    )
    read = parse(mailbox, "inbox")
    assert read.media_type == "application/mbox"
    assert [section.path for section in read.text.sections] == [
        ("Tides",),
        ("Ebb",),
        ("Ebb", "ports.csv"),
        ("Ebb", "ports.csv", "Rows 2-2"),
    ]
    assert "\nFrom here it ebbs.\nFrom 10:00 on it is low." in read.text.text
    assert "port: Brest; high: 6" in read.text.text
    check_whole(read.text)


def test_a_mailbox_of_messages_without_heads_is_told_by_its_name() -> None:
    text = b"From ann Mon Jun 01 10:00:00 2009\n\nOne.\n\nFrom bea Mon Jun 01 11:00:00 2009\n\nTwo."
    assert parse(text, "a.mbox").text.text == "# Message 1\n\nOne.\n\n# Message 2\n\nTwo."
    assert parse(text, "a.txt").media_type == "text/plain"
