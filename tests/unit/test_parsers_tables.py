from __future__ import annotations

import csv
import datetime as dt
import zipfile
from io import BytesIO, StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ingestion.media_type import described, detected
from app.ingestion.parsers.delimited import rows_of
from app.ingestion.parsers.registry import parse
from app.ingestion.parsers.rows import header_of, joined_cell
from app.ingestion.parsers.spreadsheet import column
from app.ingestion.parsers.xls import XlsParser
from tests.factories import with_part, xls, xlsx, zip_of, zipped
from tests.unit.parsing import check_read_or_refused, check_whole, damaged, unhurried

PORTS = [["Port", "High water"], ["Brest", 6.5], ["Calais", 7]]
READABLE = "Port: Brest; High water: 6.5\nPort: Calais; High water: 7"
WORKBOOK = xlsx(Ports=PORTS)
STRICT = [
    (
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    ),
    (
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
    ),
]
"""Names in the common and in the strict variant of the format."""


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_every_row_of_a_delimited_table_carries_its_header(delimiter: str, encoding: str) -> None:
    lines = (delimiter.join(map(str, row)) for row in PORTS)
    parsed = parse("\r\n".join(lines).encode(encoding), "ports.csv")
    check_whole(parsed.text)
    assert parsed.text.text == READABLE


def test_quotes_commas_and_line_ends_may_be_in_a_cell() -> None:
    data = b'name,note\nBrest,"high,\nand ""low"""\nCalais,none\n'
    rows = parse(data, "a.csv").text.text.split("\n")
    assert rows == ['name: Brest; note: high, and "low"', "name: Calais; note: none"]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ('a,b\n1,"two\n3,four\n5,six\n', ['a: 1; b: "two', "a: 3; b: four", "a: 5; b: six"]),
        ('a,b\n1,"two\n3,four\n5,"six\n', ['a: 1; b: "two', "a: 3; b: four", 'a: 5; b: "six']),
        ('a,b\n1,"two\n3,""\n5,"six"\n', ['a: 1; b: "two', "a: 3", "a: 5; b: six"]),
        ('a,b\n1,"two\nlines"\n"3,four\n', ["a: 1; b: two lines", 'a: "3; b: four']),
        ('a,b\n1,"x "" y"\n3,"""z"""\n', ['a: 1; b: x " y', 'a: 3; b: "z"']),
        ('a,b\n1,"x \\"y\\", z"\n3,"C:\\"\n', ['a: 1; b: x "y", z', "a: 3; b: C:\\"]),
        ('a,b\n1,the "two" of it\n5",four\n', ['a: 1; b: the "two" of it', 'a: 5"; b: four']),
        ('a, b\n1, "two, too" \n "3",four', ["a: 1; b: two, too", "a: 3; b: four"]),
    ],
)
def test_a_quote_that_closes_nothing_swallows_no_row(table: str, rows: list[str]) -> None:
    assert parse(table.encode(), "a.csv").text.text.split("\n") == rows


@given(
    st.lists(st.lists(st.text(alphabet='a,";\n '), min_size=2, max_size=2), min_size=1),
    st.sampled_from(",;\t|"),
)
def test_what_is_written_as_csv_is_read_cell_by_cell(rows: list[list[str]], mark: str) -> None:
    file = StringIO()
    csv.writer(file, delimiter=mark, lineterminator="\n").writerows(rows)
    assert list(rows_of(file.getvalue(), mark)) == [[joined_cell(cell) for cell in r] for r in rows]


def test_a_table_without_a_header_is_read_without_one() -> None:
    assert parse(b"Brest,6\nCalais,7\n", "a.csv").text.text == "Brest | 6\nCalais | 7"


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("sep=;\nPort;High\nBrest;6,5\n", "Port: Brest; High: 6,5"),
        ("Heights in May\n\nPort;High\nBrest;6,5\n", "Heights in May\n\nPort: Brest; High: 6,5"),
        ("Port|High\r\nBrest|6\r\n", "Port: Brest; High: 6"),
        ('Port\tNote\nBrest\t"one\ntwo"\n', "Port: Brest; Note: one two"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_tables_are_read_as_spreadsheets_write_them(table: str, text: str, encoding: str) -> None:
    assert parse(table.encode(encoding), "a.csv").text.text == text


def test_what_is_no_table_is_kept_as_it_is() -> None:
    assert parse(b"just\nsome words\n", "a.csv").text.text == "just\nsome words\n"


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_the_name_of_a_column_that_is_empty_is_not_lost(name: str) -> None:
    rows = [["Port", "Pilot", "High"], ["Brest", "", "6"], ["Calais", "", "7"]]
    data = xlsx(Ports=rows) if name == "a.xlsx" else "\n".join(map(",".join, rows)).encode()
    assert parse(data, name).text.text.endswith(
        "Port | Pilot | High\nPort: Brest; High: 6\nPort: Calais; High: 7"
        if name == "a.xlsx"
        else "Port | Pilot | High\n\nPort: Brest; High: 6\nPort: Calais; High: 7"
    )


def test_a_long_table_has_sections_of_rows() -> None:
    rows = "\n".join(f"port {number},{number}" for number in range(120))
    paths = [each.path for each in parse(f"name,n\n{rows}".encode(), "a.csv").text.sections]
    assert paths == [("Rows 2-51",), ("Rows 52-101",), ("Rows 102-121",)]


def test_a_workbook_has_sections_of_cell_ranges() -> None:
    parsed = parse(WORKBOOK, "ports.xlsx")
    check_whole(parsed.text)
    assert parsed.text.text == f"# Ports\n\n## A1:B3\n\n{READABLE}"
    assert [each.path for each in parsed.text.sections] == [("Ports",), ("Ports", "A1:B3")]


def test_an_empty_row_ends_a_table_and_a_lone_cell_is_its_caption() -> None:
    rows = [["Tides in 2024"], *PORTS, [], [None, "Name", "Age"], [None, "Anna", 30]]
    assert parse(xlsx(All=rows), "a.xlsx").text.text == (
        f"# All\n\nTides in 2024\n\n## A2:B4\n\n{READABLE}\n\n## B6:C7\n\nName: Anna; Age: 30"
    )


def test_a_long_sheet_keeps_its_header_in_every_range() -> None:
    rows = [["Port", "Rank"], *([f"port {number}", number] for number in range(60))]
    parsed = parse(xlsx(Ports=rows), "a.xlsx").text
    assert [each.path[-1] for each in parsed.sections] == ["Ports", "A1:B51", "A52:B61"]
    assert parsed.text.endswith("Port: port 59; Rank: 59")


def test_dates_and_truths_are_written_as_a_person_writes_them() -> None:
    day, moment = dt.datetime(2024, 5, 1), dt.datetime(2024, 5, 1, 12, 30)  # noqa: DTZ001
    parsed = parse(xlsx(A=[["Day", "At", "Open"], [day, moment, True]]), "a.xlsx").text
    assert parsed.text.endswith("Day: 2024-05-01; At: 2024-05-01 12:30:00; Open: yes")


def test_columns_are_lettered_as_in_a_spreadsheet() -> None:
    assert [column(place) for place in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


@pytest.mark.parametrize(
    "rows", [[["a", "b"]], [["a", "a"], ["1", "2"]], [["a", "5"], ["b", "6"]], [["a"], ["b"]]]
)
def test_a_first_row_that_names_nothing_is_no_header(rows: list[list[str]]) -> None:
    assert header_of(rows) is None


def test_an_old_workbook_is_read_as_a_new_one_is() -> None:
    assert XlsParser().parse(xls(PORTS)).text == f"# Sheet 1\n\n## A1:B3\n\n{READABLE}"


def test_a_workbook_of_the_strict_kind_is_read_as_any_other() -> None:
    strict = WORKBOOK
    with zipfile.ZipFile(BytesIO(WORKBOOK)) as package:
        for name in package.namelist():
            part = package.read(name)
            for theirs, ours in STRICT:
                part = part.replace(theirs, ours)
            strict = with_part(strict, name, part)
    assert parse(strict, "ports.xlsx").text.text == parse(WORKBOOK, "ports.xlsx").text.text


def test_a_workbooks_main_part_may_have_any_name() -> None:
    with zipfile.ZipFile(BytesIO(WORKBOOK)) as package:
        moved = {
            name.replace("workbook", "book2"): package.read(name).replace(b"/workbook.", b"/book2.")
            for name in package.namelist()
        }
    assert "xl/book2.xml" in moved
    assert parse(zip_of(moved), "ports.xlsx").text == parse(WORKBOOK, "ports.xlsx").text


def test_a_workbook_with_a_style_that_nobody_knows_is_read_all_the_same() -> None:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    styles = f'<styleSheet xmlns="{space}"><cellStyles count="1"><cellStyle odd="1"/></cellStyles>'
    odd = with_part(WORKBOOK, "xl/styles.xml", f"{styles}</styleSheet>".encode())
    assert parse(odd, "ports.xlsx").text == parse(WORKBOOK, "ports.xlsx").text


def test_a_link_to_another_workbook_that_is_not_there_costs_nothing() -> None:
    types, links = "xl/_rels/workbook.xml.rels", "xl/workbook.xml"
    with zipfile.ZipFile(BytesIO(WORKBOOK)) as package:
        relations, workbook = package.read(types), package.read(links)
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLink"
    link = b'<Relationship Id="rId99" Type="%s" Target="externalLinks/externalLink1.xml"/>' % kind
    space = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    named = b'<externalReferences><externalReference r:id="rId99" xmlns:r="%s"/>' % space
    broken = with_part(
        WORKBOOK, types, relations.replace(b"</Relationships>", link + b"</Relationships>")
    )
    named += b"</externalReferences>"
    broken = with_part(broken, links, workbook.replace(b"</sheets>", b"</sheets>" + named))
    assert parse(broken, "ports.xlsx").text == parse(WORKBOOK, "ports.xlsx").text


@settings(deadline=None, max_examples=25)
@given(damaged(zipped(xl__workbook_dot_bin=bytes(range(256)))))
def test_a_binary_workbook_of_noise_is_refused_in_words(data: bytes) -> None:
    assert described(detected(zipped(xl__workbook_dot_bin="x"), "a")) == (
        "a binary Excel workbook (XLSB)"
    )
    check_read_or_refused(data, "a.xlsb")


@unhurried
@given(st.text(), st.sampled_from([",", ";", "\t"]))
def test_any_text_is_some_table(text: str, delimiter: str) -> None:
    check_read_or_refused(f"a{delimiter}b\n{text}{delimiter}x\n".encode(), "a.csv")


@settings(deadline=None, max_examples=40)
@given(damaged(WORKBOOK))
def test_a_damaged_workbook_is_read_or_refused_in_words(data: bytes) -> None:
    check_read_or_refused(data, "a.xlsx")


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=3000))
def test_an_old_workbook_of_noise_is_refused_in_words(noise: bytes) -> None:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le")
    check_read_or_refused(head + noise, "a.xls")
