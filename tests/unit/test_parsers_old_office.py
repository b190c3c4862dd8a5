"""Word and PowerPoint files from before 2007."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.documents.model import Section
from app.errors import EmptyDocument, PasswordProtected, UnreadableDocument
from app.ingestion.parsers.registry import parse
from tests.old_office import BODY, OTHER, SUMMARY, TITLE, Slide, Typed, doc, ppt, row, summary
from tests.unit.parsing import check_read_or_refused, check_whole, damaged

WORD = doc(
    Typed("Tides\r", style=1),
    Typed("The tide – it turns – at noon.\r"),
    *row("Port", "High water"),
    *row("Brest", "6 m"),
    *row("Calais", ""),
    Typed("Ebb\r", style=2),
    Typed("It ebbs.\r"),
    notes="\x02As the almanac has it.",
)
POWER_POINT = ppt(
    Slide([(OTHER, "By the harbour office")], [(TITLE, "Tides"), (BODY, "They turn\rat noon")]),
    Slide([(TITLE, "Ports"), (BODY, "Brest – Calais")], notes="Say it slowly."),
)


def test_an_old_word_document_has_its_headings_tables_and_notes() -> None:
    read = parse(WORD, "a.doc")
    assert (read.media_type, read.parser) == ("application/msword", "doc")
    assert read.text.text == (
        "# Tides\n\nThe tide – it turns – at noon.\n\n"
        "Port: Brest; High water: 6 m\nPort: Calais\n\n"
        "## Ebb\n\nIt ebbs.\n\nAs the almanac has it."
    )
    assert [section.path for section in read.text.sections] == [("Tides",), ("Tides", "Ebb")]
    check_whole(read.text)


def test_fields_show_what_came_of_them_and_not_what_they_compute() -> None:
    text = (
        Typed('See \x13HYPERLINK "http://x" \x14the \x13PAGE\x14almanac\x15\x15.\r'),
        Typed('\x13TOC \\o "1-3" \x14Tides\t2\r'),
        Typed("Ebb\t3\x15\r"),
        Typed("A field \x13that never ends.\r"),
        Typed("What follows\x0bstays, non\x1ebreaking.\r"),
    )
    assert parse(doc(*text), "a.doc").text.text == (
        "See the almanac.\n\nTides\t2\n\nEbb\t3\n\nA field\n\nWhat follows\nstays, non-breaking."
    )


def test_an_old_presentation_has_a_section_for_each_slide_with_its_notes() -> None:
    read = parse(POWER_POINT, "a.ppt")
    assert (read.media_type, read.parser) == ("application/vnd.ms-powerpoint", "ppt")
    assert read.text.text == (
        "# Tides\n\n- They turn\n- at noon\n\nBy the harbour office\n\n"
        "# Ports\n\nBrest – Calais\n\nNotes: Say it slowly."
    )
    ports = read.text.text.index("# Ports")
    assert read.text.sections == (
        Section(0, ports, ("Tides",), 1),
        Section(ports, len(read.text.text), ("Ports",), 2),
    )


def test_a_presentation_is_read_as_it_was_saved_last() -> None:
    older = [Slide([(TITLE, "Before")]), Slide([(TITLE, "Gone")])]
    saved_twice = ppt(Slide([(TITLE, "After")]), older=older)
    assert parse(saved_twice, "a.ppt").text.text == "# After"


@pytest.mark.parametrize(
    ("data", "error", "told"),
    [
        (doc(Typed("a\r"), encrypted=True), PasswordProtected, "Word document under a password"),
        (ppt(Slide([]), encrypted=True), PasswordProtected, "presentation under a password"),
        (doc(Typed("a\r"), version=0x68), UnreadableDocument, "from before 1997"),
        (ppt(Slide([(OTHER, " \r")])), EmptyDocument, "without any text"),
        (doc(Typed("\x01\r")), EmptyDocument, "without any text"),
    ],
)
def test_what_cannot_be_read_of_an_old_file_says_why(
    data: bytes, error: type[UnreadableDocument], told: str
) -> None:
    with pytest.raises(error, match=told):
        parse(data, "a")


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([WORD, POWER_POINT]).flatmap(damaged))
def test_what_is_damaged_is_read_or_refused_in_words(data: bytes) -> None:
    check_read_or_refused(data, "a.doc")


@pytest.mark.parametrize(
    ("about", "title"),
    [
        (summary({2: "Прилив".encode("cp1251")}, 1251), "Прилив"),
        (summary({2: "Größe".encode()}, 65001), "Größe"),
        (summary({2: "Größe".encode("utf-16-le")}, 1200), "Größe"),
        (summary({2: "Größe".encode("mac_roman")}, 10000), "Größe"),
        (summary({2: "Größe"}), "Größe"),
        (summary({2: b"Tides"}, count=2**32 - 1), "Tides"),
        (summary({4: b"Nobody"}), None),
        (summary({2: b"Tides", 4: b"\xff" * 9, 13: 2**64 - 1}), "Tides"),
        (b"\xff" * 60, None),
        (b"", None),
    ],
)
def test_the_title_that_somebody_gave_is_read_whatever_else_is_damaged(
    about: bytes, title: str | None
) -> None:
    made = ppt(Slide([(OTHER, "words")]), beside={SUMMARY: about})
    assert parse(made, "a.ppt").text.title == title
