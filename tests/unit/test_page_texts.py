"""How pages take texts apart: marks, excerpts, blocks, and words for figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.model import Section
from app.web.pages.blocks import blocks
from app.web.pages.marked import EXCERPT, LONGEST, excerpt, parts
from app.web.pages.rail import rail
from app.web.pages.wording import count, duration, size, when
from app.web.plain import as_read, plain, running, unmarked

TEXTS = st.text(alphabet="ab \n#|`*-é🌊", max_size=400)


@given(TEXTS, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=8))
def test_the_parts_of_a_text_joined_are_the_text(text: str, spans: list[tuple[int, int]]) -> None:
    assert "".join(part.text for part in parts(text, sorted(spans))) == text


def test_an_excerpt_begins_near_the_marks_that_stand_closest_together() -> None:
    text = "calm " * 200 + "storm and storm again " + "calm " * 200
    spans = tuple((i, i + 5) for i in range(len(text)) if text.startswith("storm", i))
    shown = excerpt(text, spans)
    assert [part.text for part in shown if part.marked] == ["storm", "storm"]
    assert shown[0].text == "… "
    assert shown[-1].text == " …"


@given(st.text(min_size=LONGEST + 1, max_size=LONGEST * 3))
def test_an_excerpt_is_never_longer_than_it_may_be(text: str) -> None:
    assert sum(len(part.text) for part in excerpt(text, ())) <= EXCERPT + len("…  …")


@given(TEXTS, st.integers(0, 400), st.integers(0, 400), st.integers(0, 1000))
def test_blocks_keep_every_character_but_space_and_a_headings_marks(
    text: str, one: int, other: int, offset: int
) -> None:
    section = Section(offset, offset + len(text))
    marked = (offset + min(one, other), offset + max(one, other))
    made = blocks(text, offset, [section], marked)
    said = "".join(part.text for block in made for part in block.parts)
    assert "".join(said.split()) == "".join(text.split())
    in_marks = "".join(part.text for block in made for part in block.parts if part.marked)
    wanted = text[min(one, other) : max(one, other)]
    assert "".join(in_marks.split()) == "".join(wanted.split())
    assert sum(block.anchor for block in made) == bool(wanted.strip())
    cells = [cell for block in made for row in (block.head, *block.rows) for cell in row]
    to_go_to = [block.anchor for block in made if block.kind != "table"]
    assert sum(to_go_to) + sum(cell.anchor for cell in cells) <= 1


def test_a_heading_is_shown_as_one_and_code_keeps_its_blank_lines() -> None:
    text = "## The `way`\n\nProse.\n\n```\none\n\ntwo\n```\n"
    made = blocks(text, 0, [Section(0, len(text), ("The way",))], None)
    assert [(block.kind, block.parts[0].text) for block in made] == [
        ("heading", "The `way`"),
        ("prose", "Prose."),
        ("code", "```\none\n\ntwo\n```"),
    ]


def test_a_table_is_shown_as_one_with_what_is_marked_in_its_cells() -> None:
    text = "| Berth | Depth |\n|:---|---:|\n| North \\| quay | 9 m |\n| South | 7 m |"
    start, end = text.index("quay"), text.index(" m")
    (table,) = blocks(text, 100, [Section(100, 100 + len(text))], (100 + start, 100 + end))
    assert table.kind == "table"
    assert ["".join(part.text for part in cell.parts) for cell in table.head] == ["Berth", "Depth"]
    said = [["".join(part.text for part in cell.parts) for cell in row] for row in table.rows]
    assert said == [["North \\| quay", "9 m"], ["South", "7 m"]]
    cells = [cell for row in table.rows for cell in row]
    assert [part.text for cell in cells for part in cell.parts if part.marked] == ["quay", "9"]
    assert [cell.anchor for cell in cells] == [True, False, False, False]


def test_a_place_that_goes_on_in_a_table_begins_once() -> None:
    text = "Depths at\n\n| Brest | 9 m |\n| Hull | 8 m |"
    prose, table = blocks(text, 0, [Section(0, len(text))], (0, len(text)))
    assert prose.anchor
    assert not any(cell.anchor for row in table.rows for cell in row)


def test_the_middle_of_a_long_table_is_a_table_without_a_head() -> None:
    text = "| North | 9 m |\n| South | 7 m |"
    (table,) = blocks(text, 0, [Section(0, len(text))], None)
    assert (table.kind, table.head, len(table.rows)) == ("table", (), 2)


def test_headings_never_skip_a_level() -> None:
    text = "deep\nhigh\n"
    sections = [Section(0, 5, ("a", "b", "c", "deep")), Section(5, 10, ("high",))]
    assert [block.depth for block in blocks(text, 0, sections, None)] == [2, 2]


def test_the_rail_of_a_long_document_shows_what_is_around() -> None:
    sections = [Section(n * 10, n * 10 + 10, (f"Day {n}",)) for n in range(5000)]
    shown = rail(sections, 25_000, lambda offset: f"#{offset}")
    assert len(shown.entries) <= 80
    assert [entry.label for entry in shown.entries if entry.here] == ["Day 2500"]
    assert shown.above == "2,480 entries above"


def test_an_excerpt_leaves_the_marks_of_markup_out() -> None:
    table = "| Berth | Depth |\n|---|---|\n| **Quay** | 9 m |"
    assert plain(f"# Title #\n\n{table}\n\nSee [there](a.md) and *all* of `this`.") == (
        "Title\nBerth · Depth\nQuay · 9 m\nSee there and all of this."
    )
    for code in ("int **p, **q; a ** b", "2 * 3 * 4", "*.py and *.md", "f(*a, *b)", "a*b*c"):
        assert plain(code) == code


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**Noon** is when it turns.", "Noon is when it turns."),
        ("It is (**at noon**).", "It is (at noon)."),
        ("## Tides", "Tides"),
        (
            "Two to the third is 2**3, and 3**2 is nine.",
            "Two to the third is 2**3, and 3**2 is nine.",
        ),
    ],
)
def test_a_models_sentence_is_shown_without_marks_of_bold_type(written: str, shown: str) -> None:
    assert unmarked(written, written) == shown


@pytest.mark.parametrize(
    ("wrapped", "line"),
    [
        ("The tide turns\nat noon,  \r\n  sailors say.", "The tide turns at noon, sailors say."),
        (
            "\u6f6e\u6c50\u5728\n\u4e2d\u5348\u8f6c\u5411\u3002",
            "\u6f6e\u6c50\u5728\u4e2d\u5348\u8f6c\u5411\u3002",
        ),
        ("```\ntide = 1\nturn = 2\n```", "```\ntide = 1\nturn = 2\n```"),
    ],
)
def test_a_sentence_that_its_document_wrapped_is_shown_as_one_line(wrapped: str, line: str) -> None:
    assert running(wrapped) == line


def test_quotes_are_read_without_marks_and_code_without_its_fence() -> None:
    assert (
        as_read("**Stop** it, and\ncopy the `data` folder.") == "Stop it, and copy the data folder."
    )
    assert as_read("| Port | Hour |") == "Port \u00b7 Hour"
    assert as_read("```sh\ncp -a data backup\nls\n```") == "cp -a data backup\nls"


@pytest.mark.parametrize("mark", ["-", "*", "|", "#", "[", "`", " ", "[a](", " *a"])
def test_a_bad_text_takes_no_longer(mark: str) -> None:
    began = datetime.now(UTC)
    plain(mark * 20_000 + "x")
    assert datetime.now(UTC) - began < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("octets", "said"),
    [(1, "1 byte"), (999, "999 bytes"), (1_000, "1.0 kB"), (12_345, "12 kB"), (999_600, "1.0 MB")],
)
def test_sizes_have_a_unit(octets: int, said: str) -> None:
    assert size(octets) == said


def test_dates_are_relative_and_exact() -> None:
    now = datetime.now(UTC)
    ago = {
        timedelta(seconds=5): "just now",
        timedelta(minutes=59, seconds=50): "1 hour ago",
        timedelta(hours=30): "1 day ago",
        timedelta(days=17): "2 weeks ago",
        timedelta(days=40): "1 month ago",
        timedelta(days=400): "1 year ago",
    }
    assert {each: when(now - each).relative for each in ago} == ago
    assert when(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)).exact == "2 January 2026, 03:04 UTC"


def test_figures_have_their_things() -> None:
    assert count(1, "passage") == "1 passage"
    assert count(1200, "entry", "entries") == "1,200 entries"
    assert duration(0.2) == "under 1 ms"
    assert duration(1234) == "1.2 s"
