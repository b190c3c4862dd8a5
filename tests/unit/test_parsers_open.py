"""OpenDocument, RTF and XML."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import PasswordProtected, UnreadableDocument
from app.ingestion.parsers.registry import parse
from tests.factories import odf, with_part
from tests.unit.parsing import check_read_or_refused, check_whole, damaged, unhurried

TABLE = (
    '<table:table table:name="Ports"><table:table-row><table:table-cell><text:p>Port</text:p>'
    "</table:table-cell><table:table-cell><text:p>High</text:p></table:table-cell>"
    "</table:table-row><table:table-row><table:table-cell><text:p>Brest</text:p>"
    "</table:table-cell><table:table-cell><text:p>6 m</text:p></table:table-cell>"
    '</table:table-row><table:table-row table:number-rows-repeated="1048000"><table:table-cell'
    ' table:number-columns-repeated="16384"/></table:table-row></table:table>'
)
TEXT = odf(
    "text",
    '<text:h text:outline-level="1">Tides</text:h><text:p>They<text:s text:c="2"/>turn'
    "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>twice</text:p>"
    "</text:note-body></text:note>.</text:p>"
    "<text:list><text:list-item><text:p>high</text:p><text:list><text:list-item><text:p>higher"
    f"</text:p></text:list-item></text:list></text:list-item></text:list>{TABLE}"
    '<text:h text:outline-level="2">Ebb</text:h><text:p>Low.</text:p>',
)
RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\info{\title Of the sea}}{\pict 89504e470d0a1a0a"
    + b"ab" * 100
    + rb"}The tide turns at \'fc ber noon.\par \u8364? 5\par}"
)


def test_an_odt_keeps_headings_lists_tables_and_notes() -> None:
    parsed = parse(TEXT, "a.odt").text
    check_whole(parsed)
    assert parsed.text == (
        "# Tides\n\nThey  turn [twice].\n\n- high\n  - higher\n\nPort: Brest; High: 6 m\n\n"
        "## Ebb\n\nLow."
    )
    assert [each.path for each in parsed.sections] == [("Tides",), ("Tides", "Ebb")]
    assert parsed.title == "Tides"


def test_an_ods_has_sections_of_cell_ranges_and_no_end_of_empty_cells() -> None:
    parsed = parse(odf("spreadsheet", TABLE, title="Of the sea"), "a.ods").text
    assert parsed.text == "# Ports\n\n## A1:B2\n\nPort: Brest; High: 6 m"
    assert parsed.title == "Of the sea"


def test_an_odp_has_a_section_and_a_page_a_slide() -> None:
    slide = (
        '<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Tides</text:p>'
        "</draw:text-box></draw:frame><draw:frame><draw:text-box><text:p>turn</text:p>"
        "</draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box>"
        "<text:p>slowly</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"
    )
    parsed = parse(odf("presentation", slide + "<draw:page/>"), "a.odp").text
    check_whole(parsed)
    assert parsed.text == "# Tides\n\nturn\n\nNotes: slowly\n\n# Slide 2"
    assert [(each.path, each.page) for each in parsed.sections] == [
        (("Tides",), 1),
        (("Slide 2",), 2),
    ]


def test_an_opendocument_file_under_a_password_says_so() -> None:
    manifest = b"<manifest><encryption-data/></manifest>"
    with pytest.raises(PasswordProtected):
        parse(with_part(TEXT, "META-INF/manifest.xml", manifest), "a.odt")


def test_an_opendocument_file_that_declares_entities_is_refused() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    with pytest.raises(UnreadableDocument, match="entities"):
        parse(with_part(TEXT, "content.xml", bomb), "a.odt")


def test_rtf_is_read_without_its_pictures() -> None:
    parsed = parse(RTF, "a.rtf").text
    check_whole(parsed)
    assert "The tide turns at ü ber noon.\n€ 5" in parsed.text
    assert "abab" not in parsed.text
    assert parsed.title == "Of the sea"


def test_xml_is_read_as_names_and_values_and_prose() -> None:
    data = (
        '<?xml version="1.0" encoding="ISO-8859-1"?><feed><title>Tides</title>'
        '<entry id="7"><port>Brést</port><text>They <b>turn</b> at noon.</text></entry></feed>'
    )
    parsed = parse(data.encode("latin-1"), "a.xml").text
    check_whole(parsed)
    assert parsed.text == "title: Tides\nentry id: 7\nport: Brést\n\nThey turn at noon."
    assert parsed.title == "Tides"


@pytest.mark.parametrize(
    "around",
    [
        "<text:p>Mind{}</text:p>",
        "<text:p>Mind<text:span>{}</text:span></text:p>",
        '<text:h text:outline-level="1">Mind{}</text:h>',
        "<text:list><text:list-item><text:p>Mind{}</text:p></text:list-item></text:list>",
    ],
)
def test_a_text_box_or_a_shape_is_read_below_the_words_that_it_stands_at(around: str) -> None:
    lines = "<text:p>the</text:p><text:p>bar.</text:p>"
    box = f"<draw:frame><draw:text-box>{lines}</draw:text-box></draw:frame>"
    for shape in (box, f"<draw:custom-shape>{lines}</draw:custom-shape>"):
        text = parse(odf("text", around.format(shape)), "a.odt").text.text
        assert text.lstrip("#- ") == "Mind\n\nthe\n\nbar."


def test_a_template_is_read_as_what_is_made_from_it() -> None:
    template = with_part(TEXT, "mimetype", b"application/vnd.oasis.opendocument.text-template")
    assert parse(template, "a.ott").text == parse(TEXT, "a.odt").text


def test_what_is_drawn_on_a_sheet_follows_it() -> None:
    box = "<draw:frame><draw:text-box><text:p>Mind the bar.</text:p></draw:text-box></draw:frame>"
    drawn = TABLE.replace(
        "<table:table-row", f"<table:shapes>{box}</table:shapes><table:table-row", 1
    )
    text = parse(odf("spreadsheet", drawn), "a.ods").text
    check_whole(text)
    assert text.text.endswith("Port: Brest; High: 6 m\n\n## Drawings\n\nMind the bar.")
    empty = drawn.replace("Mind the bar.", "")
    assert "Drawings" not in parse(odf("spreadsheet", empty), "a.ods").text.text


def test_a_sheets_ranges_count_its_empty_rows() -> None:
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    row = f"<table:table-row{{}}>{cell}</table:table-row>"
    empty = ' table:number-rows-repeated="7"'
    rows = row.format("", "High") + row.format(empty, "") + row.format("", "Low")
    sheet = odf("spreadsheet", f'<table:table table:name="Tides">{rows}</table:table>')
    assert parse(sheet, "a.ods").text.text == "# Tides\n\n## A1:A1\n\nHigh\n\n## A9:A9\n\nLow"


def test_an_opendocument_file_in_one_piece_of_xml_is_read_as_one_in_a_package() -> None:
    with zipfile.ZipFile(BytesIO(TEXT)) as package:
        content, meta = package.read("content.xml").decode(), package.read("meta.xml").decode()
    flat = content.replace("<office:body>", f"{meta}<office:body>")
    read = parse(b'<?xml version="1.0"?>' + flat.encode(), "a.fodt")
    assert read.text == parse(TEXT, "a.odt").text


def test_a_workbook_in_the_xml_of_excel_2003_is_read_as_a_workbook() -> None:
    cell = "<Cell><Data>{}</Data></Cell>"
    rows = (
        f"<Row>{cell.format('Port')}{cell.format('High')}</Row>"
        f"<Row>{cell.format('Brest')}{cell.format('6 m')}</Row>"
        '<Row s:Index="5"><Cell s:Index="2"><Data>Low</Data></Cell></Row>'
    )
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    sheet = f'<Worksheet s:Name="Tides"><Table>{rows}</Table></Worksheet>'
    office = "urn:schemas-microsoft-com:office:office"
    sheet += f'<D xmlns="{office}"><Title>High</Title><Author>Ann</Author></D>'
    book = f'<Workbook xmlns="{space}" xmlns:s="{space}">{sheet}</Workbook>'
    data = f'<?xml version="1.0"?>{book}'.encode()
    text = parse(data, "a.xls").text
    check_whole(text)
    assert text.title == "High"
    assert text.text == (
        "Author: Ann\n\n# Tides\n\n## A1:B2\n\nPort: Brest; High: 6 m\n\n## B5:B5\n\nLow"
    )


@pytest.mark.parametrize("encoding", ["EUC-JP", "Shift_JIS", "ISO-2022-JP", "windows-1251"])
@pytest.mark.parametrize("end", ["</a>", ""])
def test_xml_is_read_in_the_encoding_that_it_names_even_if_it_is_broken(
    encoding: str, end: str
) -> None:
    words = "ж" if encoding == "windows-1251" else "水"
    data = f'<?xml version="1.0" encoding="{encoding}"?><a><title>{words}</title>{end}'
    assert words in parse(data.encode(encoding), "a.xml").text.text


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?><a><b></a>',
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    ],
)
def test_xml_that_is_broken_or_asks_for_files_is_kept_as_it_is(text: str) -> None:
    assert parse(text.encode(), "a.xml").text.text == text


def test_xml_nested_without_end_is_read_or_refused() -> None:
    check_read_or_refused(b'<?xml version="1.0"?>' + b"<a>" * 50_000 + b"x" + b"</a>" * 50_000, "a")


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([TEXT, odf("spreadsheet", TABLE), RTF]).flatmap(damaged))
def test_what_is_damaged_is_read_or_refused_in_words(data: bytes) -> None:
    check_read_or_refused(data, "a")


@pytest.mark.parametrize(
    "marked",
    [
        rb"{\rtf1 {\i0\*\cs7\cf0 The tide turns.}}",
        rb"{\rtf1 {\shp{\*\shpinst{\sp{\sn a}{\sv 1}}{\shptxt The tide turns.}}}}",
        rb"{\rtf1 The {\footnote tide turns.}}",
    ],
)
def test_what_stands_in_a_box_or_a_note_or_behind_an_odd_mark_is_text(marked: bytes) -> None:
    assert " ".join(parse(marked, "a.rtf").text.text.split()) == "The tide turns."


def test_what_is_ignored_of_rtf_stays_ignored() -> None:
    marked = rb"{\rtf1 {\*\generator Quill;}{\fonttbl{\f0 Sans;}}\n{\*\unknown words}Tide.}"
    assert parse(marked, "a.rtf").text.text == "Tide."


@pytest.mark.parametrize(
    ("head", "letters", "read"),
    [
        (rb"\ansi\ansicpg1251", rb"\'cf\'f0", "Пр"),
        (rb"\ansi\ansicpg1251", "Пр".encode("cp1251"), "Пр"),
        (rb"\ansi\ansicpg932", "予約表".encode("cp932"), "予約表"),
        (rb"\mac\ansicpg10000\cocoartf102", rb"Gr\'9a\'a7e", "Größe"),
        (rb"\mac", rb"Gr\'9a\'a7e", "Größe"),
        (rb"\pc", rb"Gr\'94\'e1e", "Größe"),
        (rb"\ansi\ansicpg99999", rb"Gr\'f6\'dfe", "Größe"),
        (rb"\ansi\uc1", rb"\u1055?\u1088?", "Пр"),
    ],
)
def test_rtf_and_what_it_tells_of_itself_are_read_in_their_code_page(
    head: bytes, letters: bytes, read: str
) -> None:
    told = rb"{\info{\title T %b}{\author A %b}}" % (letters, letters)
    parsed = parse(rb"{\rtf1" + head + told + rb"\pard " + letters + rb"\par}", "a.rtf").text
    assert (parsed.text, parsed.title) == (f"Author: A {read}\n\n{read}", f"T {read}")


def test_the_bytes_of_a_picture_in_rtf_are_none_of_its_words() -> None:
    picture = rb"{\pict\bin6 \x00}\x83{{}".replace(rb"\x00", b"\0").replace(rb"\x83", b"\x83")
    assert parse(rb"{\rtf1 {\pict\bin x}tide}", "a.rtf").text.text.endswith("tide")
    assert parse(rb"{\rtf1\ansi\ansicpg932 a " + picture + b"tide}", "a.rtf").text.text == "a tide"


@unhurried
@given(st.text(alphabet="\\{}'ux0123 abrtfpar*;-\n"))
def test_any_rtf_is_read_or_refused_in_words(text: str) -> None:
    check_read_or_refused(b"{\\rtf1" + text.encode(), "a.rtf")
