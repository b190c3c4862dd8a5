from __future__ import annotations

from hypothesis import given, settings

from app.ingestion.parsers.registry import parse
from tests.factories import pptx
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


@settings(deadline=None, max_examples=25)
@given(damaged(MADE))
def test_a_damaged_presentation_is_read_or_refused_in_words(data: bytes) -> None:
    check_read_or_refused(data, "a.pptx")
