"""What programs write and programmers read: JSON, notebooks, source code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UnreadableDocument
from app.ingestion.parsers.registry import parse
from tests.factories import notebook
from tests.unit.parsing import check_read_or_refused, check_whole, unhurried

NOTEBOOK = notebook(
    ("markdown", "# Tides\n\nThey turn.", ""), ("code", "print('high')\n", "high\n")
)


def test_json_is_read_as_names_and_values() -> None:
    data = {"port": {"name": "Brest", "open": True}, "title": "Tides", "levels": [1, 2.5, None]}
    parsed = parse(json.dumps(data).encode(), "a.json")
    check_whole(parsed.text)
    assert parsed.text.text == (
        "title: Tides\n\nport:\n  name: Brest\n  open: true\n\nlevels: 1, 2.5, null"
    )
    assert parsed.text.title == "Tides"
    assert [each.path for each in parsed.text.sections] == [(), ("port",), ("levels",)]


def test_records_stand_apart_whether_in_a_list_or_a_line_each() -> None:
    records = [{"port": "Brest", "high": 6}, {"port": "Calais", "high": 7}]
    text = "port: Brest\nhigh: 6\n\nport: Calais\nhigh: 7"
    assert parse(json.dumps(records).encode(), "a.json").text.text == text
    lines = "\n".join(map(json.dumps, records))
    assert parse(lines.encode("utf-16"), "a.jsonl").text.text == text


def test_records_under_a_name_are_its_section() -> None:
    parsed = parse(b'{"ports": [{"name": "Brest"}, {"name": "Calais"}]}', "a.json").text
    assert parsed.text == "# ports\n\nname: Brest\n\nname: Calais"


def test_a_name_of_control_characters_is_no_section() -> None:
    parsed = parse(json.dumps({"ports": {"a": 1}, "\0": {"b": 2}, "x\0y": [3]}).encode(), "a.json")
    check_whole(parsed.text)
    assert [each.path for each in parsed.text.sections] == [("ports",), (), ("x y",)]


def test_json_with_comments_is_kept_as_it_is() -> None:
    text = '{\n  // high water\n  "a": 1,\n}\n'
    assert parse(text.encode(), "settings.json").text.text == text


def test_json_is_told_without_a_name() -> None:
    assert parse(b'{"a": 1}', "a").media_type == "application/json"
    assert parse(NOTEBOOK, "a").parser == "notebook"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_nested_without_end_is_refused_in_words(opening: str) -> None:
    with pytest.raises(UnreadableDocument, match="nested too deep"):
        parse((opening * 100_000).encode(), "a.json")


def test_a_notebooks_words_code_and_outputs_are_kept() -> None:
    parsed = parse(NOTEBOOK, "tides.ipynb")
    check_whole(parsed.text)
    assert parsed.text.text == (
        "# Tides\n\nThey turn.\n\n```python\nprint('high')\n```\n\n```\nhigh\n```"
    )
    assert parsed.text.title == "Tides"


def test_a_long_output_is_cut_short() -> None:
    parsed = parse(notebook(("code", "run()", "x" * 100_000)), "a.ipynb")
    assert len(parsed.text.text) < 3_000


def test_a_damaged_notebook_is_refused() -> None:
    with pytest.raises(UnreadableDocument, match="notebook"):
        parse(NOTEBOOK[:-20], "a.ipynb")


@pytest.mark.parametrize(
    ("name", "text", "paths"),
    [
        (
            "a.py",
            "import os\n\n# High water\n@cached\ndef high():\n    def inner(): ...\n\nclass Low:\n",
            [(), ("high",), ("Low",)],
        ),
        ("a.go", "package a\nfunc (t *Tide) High() {\n}\ntype Low struct{}\n", [(), ("High",)]),
        ("a.ts", "export default async function high() {}\nexport class Low {}\n", [("high",)]),
        ("a.rs", "pub(crate) fn high<T>() {}\nimpl<T> Low for T {}\n", [("high",), ("Low",)]),
    ],
)
def test_code_stays_as_it_is_with_a_section_a_definition(
    name: str, text: str, paths: list[tuple[str, ...]]
) -> None:
    parsed = parse(text.encode(), name)
    check_whole(parsed.text)
    assert parsed.text.text == text
    assert [each.path for each in parsed.text.sections][: len(paths)] == paths


nested = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@unhurried
@given(nested)
def test_any_json_is_read_or_refused_in_words(value: object) -> None:
    check_read_or_refused(json.dumps(value).encode(), "a.json")
    check_read_or_refused(json.dumps({"cells": [value], "nbformat": 4}).encode(), "a.ipynb")


@unhurried
@given(st.text(alphabet='def class\n\t@#ab(){}<>:"$'))
def test_any_text_is_some_source(text: str) -> None:
    check_read_or_refused(text.encode(), "a.py")
