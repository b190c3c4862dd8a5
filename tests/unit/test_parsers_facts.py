"""Who wrote a document and when: said at its beginning, where it says so itself."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable

import pytest
from docx import Document as WordDocument
from openpyxl import Workbook
from pptx import Presentation
from reportlab.pdfgen.canvas import Canvas

from app.ingestion.parsers.facts import facts
from app.ingestion.parsers.registry import parse
from tests.factories import docx, html, odf, pdf, pptx, with_part, xlsx
from tests.old_office import OTHER, SUMMARY, Slide, Typed, book, container, doc, ppt, summary
from tests.unit.parsing import check_whole

WHO, WHEN = "Ann Shore", dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
ABOUT = {SUMMARY: summary({4: WHO.encode(), 12: dt.datetime(2003, 5, 1, tzinfo=dt.UTC), 13: WHEN})}
TOLD = "Author: Ann Shore\nDate: 2024-05-01\n\n"


def written() -> bytes:
    document = WordDocument(io.BytesIO(docx("# Tides", "words")))
    document.core_properties.author, document.core_properties.modified = WHO, WHEN
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def shown() -> bytes:
    presentation = Presentation(io.BytesIO(pptx(("Tides", ["words"]))))
    presentation.core_properties.author, presentation.core_properties.modified = WHO, WHEN
    file = io.BytesIO()
    presentation.save(file)
    return file.getvalue()


def counted() -> bytes:
    workbook = Workbook()
    workbook.worksheets[0].append(["words"])
    workbook.properties.creator = WHO
    file = io.BytesIO()
    workbook.save(file)
    core = (
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
        'core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:t="http://purl.org/dc/terms/" xmlns:x="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:creator>{WHO}</dc:creator>"
        '<t:modified x:type="t:W3CDTF">2024-05-01T12:00:00Z</t:modified></cp:coreProperties>'
    )
    return with_part(file.getvalue(), "docProps/core.xml", core.encode())


def opened() -> bytes:
    meta = (
        '<m xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:creator>{WHO}</dc:creator><dc:date>2024-05-01T12:00:00</dc:date></m>"
    )
    return with_part(odf("text", "<text:p>words</text:p>", "Tides"), "meta.xml", meta.encode())


def printed() -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, invariant=1)
    canvas.setAuthor(WHO)
    for number in range(2):
        canvas.drawString(72, 700, f"words of page {number + 1}")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def paged() -> bytes:
    head = (
        f'<meta name="Author" content="{WHO}">'
        '<meta property="article:published_time" content="2024-05-01T12:00:00+02:00">'
    )
    return html("<h1>Tides</h1><p>words", head=head)


def typed() -> bytes:
    return (
        rb"{\rtf1\ansi{\info{\upr{\author ???}{\*\ud{\author {\u65?nn} Shore}}}"
        rb"{\creatim\yr2003\mo5\dy1}{\revtim\yr2024\mo5\dy1\hr12}}words}"
    )


def saved() -> bytes:
    return doc(Typed("words\r"), beside=ABOUT)


def saved_with_slides() -> bytes:
    return ppt(Slide([(OTHER, "words")]), beside=ABOUT)


def saved_with_cells() -> bytes:
    return container({"Workbook": book("words")} | ABOUT)


@pytest.mark.parametrize(
    "made",
    [
        *(written, shown, counted, opened, paged),
        *(typed, saved, saved_with_slides, saved_with_cells),
    ],
)
def test_a_document_begins_with_its_author_and_its_date(made: Callable[[], bytes]) -> None:
    text = parse(made(), "a").text
    check_whole(text)
    assert text.text.startswith(TOLD)
    assert "words" in text.text


def test_a_pdfs_first_page_begins_with_them() -> None:
    text = parse(printed(), "a.pdf").text
    check_whole(text)
    assert text.text.startswith(f"Author: {WHO}\nDate: 2000-01-01\n\nwords of page 1\n\nwords of")
    assert [section.page for section in text.sections] == [1, 2]
    assert text.text[text.sections[1].start :].startswith("words of page 2")


@pytest.mark.parametrize("data", [docx("words"), pptx(("T", ["w"])), xlsx(a=[["w"]]), pdf(["w"])])
def test_what_a_program_writes_where_nobody_is_named_is_not_told(data: bytes) -> None:
    assert "Author:" not in parse(data, "a").text.text


def test_dates_are_told_in_one_way_and_nothing_else_as_one() -> None:
    assert (
        facts("A", "D:20240501120000+02'00'") == facts("A", WHEN) == "Author: A\nDate: 2024-05-01"
    )
    assert facts("A", "May") == facts(" A; ", None) == "Author: A"
    assert facts("(anonymous)", WHEN) == facts(None, WHEN) == ""
