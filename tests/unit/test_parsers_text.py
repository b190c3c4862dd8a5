from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.ingestion.decoding import cleaned, decoded
from app.ingestion.parsers.registry import parse
from app.ingestion.parsers.text import TextParser
from tests.unit.parsing import check_read_or_refused, check_whole, unhurried

GERMAN = "Größe, Übung: „Flut“ – 5 €"
JAPANESE = "名前,年齢,住所\n佐藤太郎,30,東京\n三木英子,25,大阪\n髙橋淳,35,名古屋"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (GERMAN, "cp1252"),
        ("naïve café", "latin-1"),
        (JAPANESE, "cp932"),
        ("Привет, как дела? Всё хорошо, спасибо.", "cp1251"),
        ("名前,年齢\n佐藤太郎,30", "iso2022_jp"),
        ("안녕하세요, 밀물과 썰물.", "iso2022_kr"),
    ],
)
def test_text_is_read_in_its_own_encoding(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding)) == text


def test_what_a_document_says_of_its_encoding_is_believed_when_the_bytes_leave_it_open() -> None:
    assert decoded("ąę".encode("cp1250"), "windows-1250") == "ąę"


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        ("① 潮", "cp932", "Shift_JIS"),
        ("① 潮", "cp932", "x-sjis"),
        ("朱镕基", "gb18030", "gb2312"),
        ("똠방각하", "cp949", "euc-kr"),
        ("ığş", "cp1254", "ISO-8859-9"),
    ],
)
def test_the_name_of_an_encoding_means_what_browsers_take_it_for(
    text: str, encoding: str, declared: str
) -> None:
    assert decoded(text.encode(encoding), declared) == text


@pytest.mark.parametrize("encoding", ["iso-2022-jp", "utf-7", "hz"])
def test_letters_in_bytes_of_ascii_are_read_as_the_document_says(encoding: str) -> None:
    assert decoded("潮 a + ~b".encode(encoding), encoding) == "潮 a + ~b"
    assert decoded(b"1 + 1 = 2", encoding) == "1 + 1 = 2"


@pytest.mark.parametrize("declared", ["nonsense", "hex", "utf-16", "a\x00b", ""])
def test_an_encoding_that_cannot_be_is_not_believed(declared: str) -> None:
    assert decoded("Größe".encode("cp1252"), declared) == "Größe"


def test_a_broken_byte_among_much_text_costs_one_character() -> None:
    assert decoded("Größe ".encode() * 50 + b"\xff!") == "Größe " * 50 + "\ufffd!"


def test_control_characters_do_not_reach_the_text_and_lines_end_alike() -> None:
    assert cleaned("a\x00b\r\nc\rd\x85e\x0cf\ud800g\x1b\x7f") == "a b\nc\nd\ne\nf\ufffdg  "


def test_letters_with_marks_are_composed_and_soft_hyphens_go() -> None:
    assert cleaned("e\u0301t\u00ade\u0301") == "été"


def test_plain_text_is_one_section() -> None:
    parsed = parse(b"One.\n\nTwo.", "a.txt")
    assert (parsed.media_type, parsed.parser, parsed.text.title) == ("text/plain", "text", None)
    assert [(s.start, s.end, s.path, s.page) for s in parsed.text.sections] == [(0, 10, (), None)]


@unhurried
@given(st.text(alphabet=st.characters()))
@example("\ud800")
@example("a\x00\r\n\u2028\ufeff")
def test_any_text_comes_out_clean(text: str) -> None:
    check_whole(TextParser().parse(text.encode("utf-8", "surrogatepass")))


@unhurried
@given(st.text(min_size=1), st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-8-sig"]))
def test_a_text_comes_out_as_it_went_in_but_for_the_cleaning(text: str, encoding: str) -> None:
    if text.startswith("\x00") or (encoding == "utf-8" and ("\x00" in text or text[0] == "\ufeff")):
        return  # which reads as a wider character's other bytes, or as a mark
    assert decoded(text.encode(encoding)) == cleaned(text)


@unhurried
@given(
    st.binary(max_size=2000), st.sampled_from(["a.txt", "a.md", "a.html", "a.csv", "a", "a.pdf"])
)
@example(b"%PDF-1.4", "a.pdf")
@example(b"PK\x03\x04", "a.docx")
def test_random_bytes_are_read_or_refused_in_words(data: bytes, name: str) -> None:
    check_read_or_refused(data, name)


@unhurried
@given(
    st.sampled_from([b"%PDF-1.7\n", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<html>"]),
    st.binary(max_size=2000),
)
def test_random_bytes_behind_a_signature_are_read_or_refused_too(
    signature: bytes, data: bytes
) -> None:
    check_read_or_refused(signature + data, "a")
