from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import EmptyDocument, UnreadableDocument
from app.ingestion.parsers.docx import LARGEST_XML, DocxParser
from app.ingestion.parsers.registry import parse
from tests.factories import docx, with_part
from tests.unit.parsing import check_read_or_refused, check_whole

MADE = docx(
    "# Tides", "They turn.", "## Spring", "High.", "- a", "- b", [["Port", "High"], ["Brest", "6"]]
)
MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
SIN = "sin\u2061"  # Word joins a function and its argument with an invisible sign
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def with_body(body: str) -> bytes:
    document = f'<w:document xmlns:w="{WORD}" xmlns:m="{MATH}"><w:body>{body}</w:body></w:document>'
    return with_part(MADE, "word/document.xml", document.encode())


def formula(inner: str) -> str:
    return f"<w:p><w:r><w:t>so </w:t></w:r><m:oMath>{inner}</m:oMath></w:p>"


def r(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def test_headings_lists_and_tables_are_kept() -> None:
    parsed = DocxParser().parse(MADE)
    check_whole(parsed)
    assert parsed.text == (
        "# Tides\n\nThey turn.\n\n## Spring\n\nHigh.\n\n- a\n- b\n\n| Port | High |\n| Brest | 6 |"
    )
    assert [section.path for section in parsed.sections] == [("Tides",), ("Tides", "Spring")]


def test_the_title_is_the_documents_own_or_its_first_heading() -> None:
    assert DocxParser().parse(docx("# Other", title="Of the sea")).title == "Of the sea"
    assert DocxParser().parse(MADE).title == "Tides"


def test_what_was_moved_is_where_it_was_moved_to() -> None:
    moved = (
        '<w:p><w:moveFromRangeStart w:id="1" w:name="a"/><w:moveFrom w:id="2"><w:r><w:t>tide</w:t>'
        '</w:r></w:moveFrom><w:moveFromRangeEnd w:id="1"/><w:r><w:t>first</w:t></w:r></w:p>'
        '<w:p><w:moveToRangeStart w:id="3" w:name="a"/><w:moveTo w:id="4"><w:r><w:t>tide</w:t>'
        '</w:r></w:moveTo><w:moveToRangeEnd w:id="3"/></w:p>'
    )
    assert DocxParser().parse(with_body(moved)).text == "first\n\ntide"


def test_words_with_readings_above_them_are_kept() -> None:
    ruby = (
        "<w:p><w:r><w:ruby><w:rubyPr><w:hps w:val='11'/></w:rubyPr><w:rt><w:r><w:t>とうきょう</w:t>"
        "</w:r></w:rt><w:rubyBase><w:r><w:t>東京</w:t></w:r></w:rubyBase></w:ruby></w:r>"
        "<w:r><w:t>の潮</w:t></w:r></w:p>"
    )
    assert DocxParser().parse(with_body(ruby)).text == "東京の潮"


def test_comments_are_no_text() -> None:
    assert "psst" not in DocxParser().parse(docx("words", comment="psst")).text


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        (f"<m:f><m:num>{r('a')}</m:num><m:den>{r('b')}</m:den></m:f>", "so (a)/(b)"),
        (f"<m:sSup><m:e>{r('x')}</m:e><m:sup>{r('10')}</m:sup></m:sSup>", "so x^{10}"),
        (f"<m:sSub><m:e>{r('x')}</m:e><m:sub>{r('i')}</m:sub></m:sSub>", "so x_i"),
        (f"<m:rad><m:deg/><m:e>{r('2')}</m:e></m:rad>", "so √(2)"),
        (f"<m:d><m:e>{r('x')}</m:e></m:d>", "so (x)"),
        (f"<m:func><m:fName>{r(SIN)}</m:fName><m:e>{r('x')}</m:e></m:func>", "so sin x"),
        (
            (
                f"<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr><m:sub>{r('i')}</m:sub>"
                f"<m:sup>{r('n')}</m:sup><m:e>{r('i')}</m:e></m:nary>"
            ),
            "so ∑_i^n i",
        ),
    ],
)
def test_formulas_are_written_in_a_line(inner: str, text: str) -> None:
    assert DocxParser().parse(with_body(formula(inner))).text == text


def test_a_document_that_unpacks_to_far_too_much_is_refused_in_little_memory() -> None:
    bomb = with_part(MADE, "word/document.xml", b"<a>" + b" " * 2 * LARGEST_XML)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableDocument, match="unpacks to 50 MB"):
            parse(bomb, "a.docx")
        assert tracemalloc.get_traced_memory()[1] < LARGEST_XML / 10
    finally:
        tracemalloc.stop()


def test_xml_entities_are_refused() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    with pytest.raises(UnreadableDocument, match="entities"):
        parse(with_part(MADE, "word/document.xml", bomb), "a.docx")


@pytest.mark.parametrize(
    "data",
    [
        MADE[: len(MADE) // 2],
        with_part(MADE, "word/document.xml", b"<not closed"),
        with_body("<w:p>" * 3000 + "</w:p>" * 3000),
    ],
)
def test_a_damaged_document_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableDocument, match=r"damaged|nested too deep"):
        parse(data, "a.docx")


def test_a_document_without_words_is_empty() -> None:
    with pytest.raises(EmptyDocument):
        parse(docx(""), "a.docx")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("word/styles.xml", '<w:styles xmlns:w="{}"><w:style w:styleId="a"/></w:styles>'),
        (
            "word/numbering.xml",
            (
                '<w:numbering xmlns:w="{}"><w:abstractNum w:abstractNumId="1"><w:numStyleLink '
                'w:val="x"/></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="1"/>'
                "</w:num></w:numbering>"
            ),
        ),
    ],
)
def test_a_damaged_part_that_only_says_how_words_look_costs_none_of_them(
    name: str, part: str
) -> None:
    listed = '<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>'
    body = with_body(f"<w:p>{listed}<w:r><w:t>They turn.</w:t></w:r></w:p>")
    damaged_part = with_part(body, name, part.format(WORD).encode())
    assert parse(damaged_part, "a.docx").text.text == "They turn."


def test_a_line_break_of_the_older_kind_parts_words() -> None:
    body = with_body("<w:p><w:r><w:t>They</w:t><w:cr/><w:t>turn.</w:t></w:r></w:p>")
    assert parse(body, "a.docx").text.text.split() == ["They", "turn."]


def test_a_note_that_is_not_there_costs_no_words() -> None:
    reference = '<w:r><w:footnoteReference w:id="7"/></w:r>'
    body = with_body(f"<w:p><w:r><w:t>They turn.</w:t></w:r>{reference}</w:p>")
    assert parse(body, "a.docx").text.text == "They turn."


@pytest.mark.parametrize(
    "mark", ['dir w:val="rtl"', 'bdo w:val="rtl"', 'fldSimple w:instr="IF 2 > 1"']
)
def test_words_in_another_direction_and_in_fields_are_read(mark: str) -> None:
    word = "<w:r><w:t>{}</w:t></w:r>"
    turned = f"<w:{mark}>{word.format('آذار')}</w:{mark.partition(' ')[0]}>"
    body = with_body(f"<w:p>{word.format('in ')}{turned}{word.format(' 2026')}</w:p>")
    assert parse(body, "a.docx").text.text == "in آذار 2026"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, len(MADE) - 1), st.integers(0, 255)), max_size=60))
def test_a_document_with_wrong_bytes_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(MADE)
    for place, byte in changes:
        data[place] = byte
    check_read_or_refused(bytes(data), "a.docx")
