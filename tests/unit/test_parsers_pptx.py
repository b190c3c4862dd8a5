from __future__ import annotations

import re
import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings

from app.ingestion.parsers.registry import parse
from tests.factories import pptx, with_part
from tests.unit.parsing import check_read_or_refused, check_whole, damaged

MADE = pptx(
    ("Tides", ["They turn.", "Twice a day."]),
    ("Ports", ["In order"]),
    notes="Speak slowly.",
    table=[["Port", "High"], ["Brest", "6 m"]],
)


def test_slides_are_sections_and_pages_with_lists_tables_and_notes() -> None:
    parsed = parse(MADE, "tides.pptx").text
    check_whole(parsed)
    assert parsed.text == (
        "# Tides\n\n- They turn.\n- Twice a day.\n\n"
        "# Ports\n\nIn order\n\nPort: Brest; High: 6 m\n\nNotes: Speak slowly."
    )
    assert [(each.path, each.page) for each in parsed.sections] == [
        (("Tides",), 1),
        (("Ports",), 2),
    ]


def test_a_slide_without_a_title_is_numbered() -> None:
    assert parse(pptx(("", ["words"])), "a.pptx").text.text == "# Slide 1\n\nwords"


@pytest.mark.parametrize(
    "kind",
    [
        "openxmlformats-officedocument.presentationml.slideshow.main",
        "openxmlformats-officedocument.presentationml.template.main",
        "ms-powerpoint.slideshow.macroEnabled.main",
    ],
)
def test_a_show_and_a_template_are_read_as_a_presentation_is(kind: str) -> None:
    types = "[Content_Types].xml"
    with zipfile.ZipFile(BytesIO(MADE)) as package:
        told = package.read(types)
    main = b"openxmlformats-officedocument.presentationml.presentation.main"
    assert main in told
    other = with_part(MADE, types, told.replace(main, kind.encode()))
    assert parse(other, "tides.ppsx").text == parse(MADE, "tides.pptx").text


def test_a_presentation_of_the_strict_kind_is_read_as_any_other() -> None:
    strict = MADE
    common = re.compile(rb"http://schemas\.openxmlformats\.org/(\w+)/2006/(relationships|main)\b")
    with zipfile.ZipFile(BytesIO(MADE)) as package:
        for name in package.namelist():
            part = package.read(name)
            if name.endswith((".xml", ".rels")) and b"package/2006" not in part[:300]:
                part = common.sub(rb"http://purl.oclc.org/ooxml/\1/\2", part)
            elif name.endswith(".rels"):
                part = part.replace(
                    b"schemas.openxmlformats.org/officeDocument/2006",
                    b"purl.oclc.org/ooxml/officeDocument",
                )
            strict = with_part(strict, name, part)
    assert b"purl.oclc.org" in zipfile.ZipFile(BytesIO(strict)).read("_rels/.rels")
    assert parse(strict, "a.pptx").text == parse(MADE, "a.pptx").text


def test_a_part_whose_type_a_program_forgot_costs_nothing() -> None:
    assert parse(with_part(MADE, "ppt/media/a.mp3", b"ID3"), "a.pptx").text == parse(MADE, "a").text
    slide = "ppt/slides/_rels/slide1.xml.rels"
    with zipfile.ZipFile(BytesIO(MADE)) as package:
        leads = package.read(slide)
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/audio"
    lead = b'<Relationship Id="rId9" Type="%s" Target="../media/a.mp3"/></Relationships>' % kind
    heard = with_part(MADE, slide, leads.replace(b"</Relationships>", lead))
    assert parse(with_part(heard, "ppt/media/a.mp3", b"ID3"), "a").text == parse(MADE, "a").text


def test_a_shape_with_a_formula_is_read_with_all_its_words() -> None:
    slide = "ppt/slides/slide1.xml"
    with zipfile.ZipFile(BytesIO(MADE)) as package:
        told = package.read(slide)
    formula = (
        b'<a14:m xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main" '
        b'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:oMath><m:sSup>'
        b"<m:e><m:r><m:t>h</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
        b"</m:oMath></a14:m>"
    )
    assert b"<a:r><a:t>They turn.</a:t></a:r>" in told
    told = told.replace(
        b"<a:r><a:t>They turn.</a:t></a:r>", b"<a:r><a:t>Height </a:t></a:r>" + formula
    )
    start, end = told.rindex(b"<p:sp>"), told.rindex(b"</p:sp>") + len(b"</p:sp>")
    space = b"http://schemas.openxmlformats.org/markup-compatibility/2006"
    folded = b'<m:AlternateContent xmlns:m="%s"><m:Choice Requires="a14">%s</m:Choice>' % (
        *(space, told[start:end]),
    )
    folded += b"<m:Fallback>%s</m:Fallback></m:AlternateContent>" % told[start:end]
    newer = with_part(MADE, slide, told[:start] + folded + told[end:])
    text = parse(newer, "a.pptx").text
    check_whole(text)
    assert text.text.startswith("# Tides\n\n- Height h^2\n- Twice a day.\n\n# Ports")


@settings(deadline=None, max_examples=25)
@given(damaged(MADE))
def test_a_damaged_presentation_is_read_or_refused_in_words(data: bytes) -> None:
    check_read_or_refused(data, "a.pptx")
