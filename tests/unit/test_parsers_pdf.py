from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import PasswordProtected, ScannedDocument, UnreadableDocument
from app.ingestion.parsers import ocr
from app.ingestion.parsers.pdf import PdfParser
from app.ingestion.parsers.pdf_layout import in_reading_order, paragraphs
from app.ingestion.parsers.pdf_lines import HYPHEN_AT_LINE_END, Cell, Line, Page
from app.ingestion.parsers.pdf_prose import Prose
from app.ingestion.parsers.pdf_running import without_running
from app.ingestion.parsers.pdf_table import Table, with_tables
from app.ingestion.parsers.registry import parse
from tests.factories import pdf, scanned_pdf
from tests.unit.parsing import check_read_or_refused, check_whole, unhurried

LONG = "The tide turns at noon and comes back in the evening, as it does on every"
MADE = pdf(["# Tides", LONG, "other day."], ["# Moon", "It pulls."], title="Of the sea")


def line(
    text: str,
    left: float = 0.0,
    bottom: float = 0.0,
    right: float | None = None,
    size: float = 10.0,
) -> Line:
    right = left + 5 * len(text) if right is None else right
    return Line(text, left, bottom, right, bottom + size, size)


def rejoined(first: str, second: str, known: str = "") -> str:
    lines = [line(first, bottom=20), line(second, bottom=8)]
    return Prose.of([Page((*lines, line(known or "sea")), 800)]).joined(lines)


def test_each_page_is_a_section_with_its_number_and_headings_are_their_paths() -> None:
    parsed = PdfParser().parse(MADE)
    check_whole(parsed)
    assert [(section.path, section.page) for section in parsed.sections] == [
        (("Tides",), 1),
        (("Moon",), 2),
    ]
    assert parsed.title == "Of the sea"


def test_lines_of_a_paragraph_become_running_text() -> None:
    assert f"{LONG} other day." in PdfParser().parse(MADE).text


def test_the_outline_makes_sections_within_pages() -> None:
    made = pdf(
        ["Chapter 1: Tides", "", "They turn.", "", "Spring tides", "", "They are high."],
        ["They are so twice a month.", "", "Moon", "", "It pulls."],
        outline=[("Tides", 0, 0), ("Spring tides", 1, 0), ("The moon", 0, 1)],
    )
    parsed = PdfParser().parse(made)
    check_whole(parsed)
    assert [(section.path, section.page) for section in parsed.sections] == [
        (("Chapter 1: Tides",), 1),
        (("Chapter 1: Tides", "Spring tides"), 1),
        (("The moon",), 2),
    ]


def row_of(*cells: tuple[str, float], bottom: float) -> Line:
    """A line of cells, each a text and where it begins."""
    made = tuple(Cell(text, left, left + 5 * len(text)) for text, left in cells)
    text = " ".join(cell.text for cell in made)
    several = made if len(made) > 1 else ()
    return Line(text, made[0].left, bottom, made[-1].right, bottom + 10, 10, several)


def table_of(*lines: Line) -> list[str]:
    (table,) = with_tables(lines)
    assert isinstance(table, Table)
    return table.text.split("\n")


def test_rows_of_a_table_without_borders_carry_the_names_of_their_columns() -> None:
    rows = [
        ("Port", "Berths", "Depth"),
        ("Brest", "12", "9.5"),
        ("Cadiz", "", "8.0"),
        ("Hull", "4"),
    ]
    parsed = PdfParser().parse(pdf(["Harbours:"], rows=rows))
    check_whole(parsed)
    assert parsed.text.endswith(
        "Port: Brest; Berths: 12; Depth: 9.5\nPort: Cadiz; Depth: 8.0\nPort: Hull; Berths: 4"
    )


def test_labels_of_rows_need_no_name() -> None:
    assert table_of(
        row_of(("Hours", 200), ("Rate", 260), ("Cost", 320), bottom=700),
        row_of(("Body labour", 50), ("2", 200), ("150", 260), ("300", 320), bottom=685),
        row_of(("Of it paint", 90), ("60", 320), bottom=670),
    ) == ["Body labour; Hours: 2; Rate: 150; Cost: 300", "Of it paint; Cost: 60"]


def test_what_had_no_room_in_its_cell_goes_on_in_the_next_line() -> None:
    assert table_of(
        row_of(("Port", 50), ("Remark", 120), ("Depth", 300), bottom=700),
        row_of(("Brest", 50), ("Deep, but the", 120), ("9.5", 300), bottom=680),
        row_of(("tide runs hard", 120), bottom=669),
        row_of(("Cadiz", 50), ("Calm", 120), ("8.0", 300), bottom=649),
    ) == [
        "Port: Brest; Remark: Deep, but the tide runs hard; Depth: 9.5",
        "Port: Cadiz; Remark: Calm; Depth: 8.0",
    ]


def test_a_last_row_that_goes_on_is_not_lost() -> None:
    lines = [
        row_of(("Port", 50), ("Remark", 120), ("Depth", 300), bottom=700),
        row_of(("Brest", 50), ("Calm", 120), ("9.5", 300), bottom=680),
        row_of(("Cadiz", 50), ("Deep, but the", 120), ("8.0", 300), bottom=660),
        row_of(("tide runs hard", 120), bottom=649),
    ]
    assert table_of(*lines)[-1] == "Port: Cadiz; Remark: Deep, but the tide runs hard; Depth: 8.0"
    after = row_of(("Notes", 50), bottom=629)
    assert [line.text for line in with_tables([*lines, after])][1:] == ["Notes"]


def test_cells_without_names_are_told_apart() -> None:
    rows = [("Ship", "Marigold"), ("Claim", "SF-1008"), ("Model", "Grand Banks")]
    text = PdfParser().parse(pdf(["Claims"], rows=rows)).text
    assert text.endswith("Ship | Marigold\nClaim | SF-1008\nModel | Grand Banks")


@pytest.mark.parametrize(
    "rows",
    [
        [("1.", "Cast off"), ("2.", "Set sail"), ("3.", "Steer by the stars")],
        [("o", "Cast off"), ("o", "Set sail"), ("o", "Steer by the stars")],
        [("Cast off", "Set sail"), ("Steer by the stars", "Make fast")],
    ],
)
def test_lists_and_lines_that_chance_to_have_gaps_are_no_tables(
    rows: list[tuple[str, str]],
) -> None:
    assert "|" not in PdfParser().parse(pdf(["Orders"], rows=rows)).text


def test_columns_of_prose_are_no_table() -> None:
    lines = [
        row_of(
            (f"{n} The tide turns at noon and comes", 50),
            (f"{n} back in the evening again, as", 300),
            bottom=700 - 12 * n,
        )
        for n in range(5)
    ]
    assert with_tables(lines) == lines


def test_running_headers_and_page_numbers_are_dropped() -> None:
    pages = [[f"Only on page {word}."] for word in ("one", "two", "three", "four")]
    parsed = PdfParser().parse(pdf(*pages, header="Handbook of tides", numbered=True))
    assert parsed.text == "\n\n".join(page[0] for page in pages)


def test_a_number_that_counts_nothing_stays() -> None:
    parsed = PdfParser().parse(pdf(["Total", "512"], ["Total", "77"]))
    assert "512" in parsed.text
    assert "77" in parsed.text


def test_columns_are_read_one_after_the_other() -> None:
    left = [f"left column line number {n} of many" for n in range(12)]
    right = [f"right column line number {n} of many" for n in range(12)]
    text = " ".join(PdfParser().parse(pdf(columns=[left, right])).text.split())
    assert text == " ".join(left + right)


def test_a_page_that_is_drawn_in_disorder_is_read_from_its_top() -> None:
    rows = [line(f"row {n}", bottom=100.0 * n) for n in (3, 1, 5, 2, 4, 0)]
    assert [each.text[-1] for each in in_reading_order(rows)] == list("543210")


def test_disordered_columns_are_kept_apart() -> None:
    lines = [line(f"{x} {y}", left=300 * x, bottom=20.0 * y) for y in range(6) for x in (1, 0)]
    assert [each.text[0] for each in in_reading_order(lines)] == ["0"] * 6 + ["1"] * 6


def test_space_between_lines_parts_paragraphs() -> None:
    lines = [
        line("a", bottom=100),
        line("b", bottom=88),
        line("c", bottom=60),
        line("d", bottom=48),
    ]
    assert [len(paragraph) for paragraph in paragraphs(lines)] == [2, 2]


@pytest.mark.parametrize(
    ("first", "second", "known", "text"),
    [
        ("the wa" + HYPHEN_AT_LINE_END, "ter rises", "", "the water rises"),
        ("the wa-", "ter rises", "", "the water rises"),
        ("a well" + HYPHEN_AT_LINE_END, "known tide", "a well-known one", "a well-known tide"),
        ("a chat" + HYPHEN_AT_LINE_END, "optimized one", "chat optimized", "a chat-optimized one"),
        ("single-", "or double-sided", "", "single- or double-sided"),
        ("from 1990-", "1995", "", "from 1990- 1995"),
    ],
)
def test_a_word_cut_at_a_lines_end_is_whole_again(
    first: str, second: str, known: str, text: str
) -> None:
    assert rejoined(first, second, known) == text


def test_rows_and_items_stay_lines() -> None:
    prose = Prose.of([Page((line("so wide are letters in this text " * 3),), 800)])
    rows = [line("Parts 20", right=300), line("Labor 10", right=300)]
    assert prose.joined(rows) == "Parts 20\nLabor 10"
    items = [line("1. one is as long as this"), line("2. two is long as well")]
    assert prose.joined(items) == "1. one is as long as this\n2. two is long as well"


def test_running_lines_need_pages_to_run_over() -> None:
    page = Page((line("Title", bottom=780), line("text", bottom=400)), 800)
    assert without_running([page, page])[0].lines == page.lines
    assert [each.text for each in without_running([page] * 3)[0].lines] == ["text"]


def test_a_password_is_asked_for_by_name() -> None:
    with pytest.raises(PasswordProtected, match="password"):
        parse(pdf(["secret"], password="tide"), "a.pdf")


def test_a_scan_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "installed", lambda: False)
    with pytest.raises(ScannedDocument, match="2 pages but no text") as refused:
        parse(scanned_pdf(2), "a.pdf")
    assert "OCR" in refused.value.remedy
    assert "--extra ocr" in refused.value.remedy


@pytest.mark.parametrize("data", [b"%PDF-1.7\nnothing", MADE[:300], b"%PDF-"])
def test_a_damaged_pdf_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableDocument, match="damaged"):
        parse(data, "a.pdf")


@unhurried
@given(st.lists(st.tuples(st.integers(0, len(MADE) - 1), st.integers(0, 255)), max_size=60))
def test_a_pdf_with_wrong_bytes_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(MADE)
    for place, byte in changes:
        data[place] = byte
    check_read_or_refused(bytes(data), "a.pdf")


def test_many_threads_may_parse_at_once() -> None:
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(PdfParser().parse(MADE).text))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(texts)) == 1
    assert len(texts) == len(threads)
