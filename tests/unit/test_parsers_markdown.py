from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from app.ingestion.decoding import cleaned
from app.ingestion.parsers.markdown import MarkdownParser
from tests.unit.parsing import check_whole, unhurried

GUIDE = """Before all.

# Guide

Intro.

## Tides *and* `time`

They turn.

```sh
# not a heading
```

Moon
----

Pulls.

# End
"""


def sections(text: str) -> list[tuple[tuple[str, ...], str]]:
    parsed = MarkdownParser().parse(text.encode())
    check_whole(parsed)
    return [(section.path, parsed.text[section.start : section.end]) for section in parsed.sections]


def test_headings_make_sections_with_their_path() -> None:
    assert [path for path, _ in sections(GUIDE)] == [
        (),
        ("Guide",),
        ("Guide", "Tides and time"),
        ("Guide", "Moon"),
        ("End",),
    ]


def test_a_section_begins_with_its_heading() -> None:
    assert sections(GUIDE)[3][1] == "Moon\n----\n\nPulls.\n\n"


def test_the_text_stays_as_it_was_written() -> None:
    assert MarkdownParser().parse(GUIDE.encode()).text == GUIDE


def test_a_heading_in_a_quote_or_an_item_divides_nothing() -> None:
    assert len(sections("> # Quoted\n\n- # Item\n\ntext")) == 1


def test_the_title_is_the_front_matters_or_the_first_heading() -> None:
    parse = MarkdownParser().parse
    assert parse(b"---\ntitle: 'Tides: a guide'\nx: 1\n---\n# Other").title == "Tides: a guide"
    assert parse(b'+++\ntitle = "Tides"\n+++\ntext').title == "Tides"
    assert parse(b"# Tides\n\ntext").title == "Tides"
    assert parse(b"## Tides\n\ntext").title is None


def test_front_matter_makes_no_heading() -> None:
    assert [path for path, _ in sections("---\ntitle: x\n---\n\n# Tides\n")] == [(), ("Tides",)]


def test_lower_headings_after_higher_ones_leave_the_path() -> None:
    found = sections("# A\n\n### B\n\n## C\n\n# D\n")
    assert [path for path, _ in found] == [("A",), ("A", "B"), ("A", "C"), ("D",)]


MARKS = st.sampled_from(
    [*list("#-=`>*_[]()|!\n\n\n  ab"), "\n# ", "\n---\n", "```\n", "\x00", "\r"]
)


@unhurried
@given(st.one_of(st.text(alphabet=st.characters()), st.lists(MARKS).map("".join)))
@example("#\ud800\x00")
@example("---\n---\n# a")
@example("a\n\u2028# b\n# c")
def test_any_text_keeps_its_characters_and_is_tiled_by_sections(text: str) -> None:
    parsed = MarkdownParser().parse(text.encode("utf-8", "surrogatepass"))
    check_whole(parsed)
    if "\x00" not in text and max(text, default="") <= "\ud7ff":
        assert parsed.text == cleaned(text)
