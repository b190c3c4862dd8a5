"""Files with files in them: books, e-mails, archives."""

from __future__ import annotations

import struct
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
from tests.old_office import container, msg
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


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def packed_rtf(data: bytes) -> bytes:
    """Eights of bytes as Outlook packs them, and the last five of them again."""
    packed = b"".join(b"\0" + data[at : at + 8] for at in range(0, len(data), 8))
    start = 207 + len(data)  # where the next byte is written
    back = struct.pack(">HH", (start - 5) << 4 | 3, (start + 5) << 4)  # five bytes again, the end
    packed += b"\x03" + back
    return struct.pack("<II4sI", len(packed) + 12, 0, b"LZFu", 0) + packed


def test_an_outlook_message_has_a_head_a_body_and_what_is_attached() -> None:
    inner = {"0037001F": wide("Ebb"), "1000001E": "Es fließt ab.".encode("cp1252")}
    table = b"port,high\n" + b"Brest,6\n" * 600
    outer = {
        "0037001F": wide("Größe"),
        "0C1A001F": wide("Ann"),
        "0C1F001F": wide("ann@shore.test"),
        "10130102": "<p>Hallo, <b>Prüfung</b>".encode(),
    }
    streams = msg(outer, table, inner, short={0x3FDE: struct.pack("<Q", 65001)})
    streams["__recip_version1.0_#00000000/__substg1.0_3001001F"] = wide("Bob")
    text = parse(container(streams), "a.msg").text
    check_whole(text)
    assert text.text.startswith(
        "# Größe\n\nFrom: Ann <ann@shore.test>\nTo: Bob\n\nHallo, Prüfung\n\n## 0.csv\n\n"
        "port: Brest; high: 6\n"
    )
    assert text.text.endswith("## Ebb\n\n# Ebb\n\nEs fließt ab.")
    assert text.sections[-1].path == ("Größe", "Ebb", "Ebb")


@pytest.mark.parametrize(
    ("properties", "page", "body"),
    [
        ({"1000001E": "Прилив".encode("cp1251")}, 1251, "Прилив"),
        ({"1000001E": "満潮と干潮".encode("iso2022_jp")}, 50220, "満潮と干潮"),
        ({"1000001E": b"high \xff low"}, 99999, "high ÿ low"),
        ({"10090102": packed_rtf(rb"{\rtf1\ansi     the tide")}, 0, "the tide tide"),
        ({"10090102": b"noise", "0037001F": wide("T")}, 0, ""),
    ],
)
def test_the_body_of_an_outlook_message_is_read_in_whichever_form_it_is(
    properties: dict[str, bytes], page: int, body: str
) -> None:
    streams = msg(properties | {"0037001F": wide("T")}, short={0x3FFD: struct.pack("<Q", page)})
    text = parse(container(streams), "a.msg").text.text
    assert " ".join(text.removeprefix("# T").split()) == body


def test_outlook_messages_attached_to_each_other_for_ever_are_read_a_few_deep() -> None:
    path, streams = "", dict[str, bytes]()
    for depth in range(12):
        streams |= msg({"0037001F": wide(f"Letter {depth}")}, path=path)
        path += "__attach_version1.0_#00000000/__substg1.0_3701000D/"
    text = parse(container(streams), "a.msg").text
    check_whole(text)
    assert "Letter 4" in text.text
    assert "Letter 11" not in text.text


def test_a_page_that_was_saved_as_a_message_is_read_as_a_page() -> None:
    page = (
        b"MIME-Version: 1.0\nSubject: Exported\n"
        b'Content-Type: multipart/related; boundary="b"\n\n--b\nContent-Type: text/html\n'
        b"Content-Transfer-Encoding: quoted-printable\nContent-Location: file:///page.html\n\n"
        b'<meta charset=3D"windows-1252"><h1>Tides</h1><p>Gr=F6=DFe\n--b\n'
        b"Content-Type: text/css\nContent-Location: file:///a.css\n\np {color: red}\n--b\n"
        b"Content-Type: image/png\nContent-Location: file:///in/a.png\n\nnoise\n--b--\n"
    )
    read = parse(page, "Exported.doc")
    check_whole(read.text)
    assert (read.media_type, read.text.title) == ("message/rfc822", "Exported")
    assert read.text.text.startswith("# Exported\n\n# Tides\n\nGröße")
    assert "color" not in read.text.text


@pytest.mark.parametrize(
    ("subject", "read"),
    [
        (
            b"=?utf-8?q?Gr=C3=B6=C3=9Fe?= of =?iso-8859-1?q?the_=FCber?= tide",
            "Größe of the über tide",
        ),
        (b"=?utf-8?B?44K/?=\n =?utf-8?B?44Kk44OJ?=", "タイド"),
        (b"=?iso-2022-jp?B?GyRCRCwbKEI=?=", "潮"),
        (b"=?utf-8?B?4?= bad", "=?utf-8?B?4?= bad"),
        (b"=?nonsense?q?Gr=F6=DFe?=", "Größe"),
        ("Größe".encode(), "Größe"),
        ("Größe".encode("cp1252"), "Größe"),
    ],
)
def test_headers_are_read_in_whichever_encoding_they_are(subject: bytes, read: str) -> None:
    letter = b"From: a@b.test\nDate: Wed, 01 May 2024 12:00:00 +0000\nSubject: " + subject
    assert parse(letter + b"\n\nwords", "a.eml").text.title == read


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
