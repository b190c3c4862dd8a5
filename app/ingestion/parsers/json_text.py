"""JSON and JSONL → lines a person can read: names and values, indented where they are nested."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from app.documents.model import ParsedText
from app.ingestion.decoding import decoded
from app.ingestion.parsers.draft import Draft
from app.ingestion.parsers.parser import sections

_DEEPEST_OUTLINE = 30
_TITLES = ("title", "name")
_LONGEST_TITLE = 200


@dataclass(frozen=True)
class JsonParser:
    """What the top level calls its lists and objects are sections; records stand apart."""

    name: str = "json"
    version: str = "2"
    media_types: frozenset[str] = frozenset({"application/json"})

    def parse(self, data: bytes) -> ParsedText:
        text = decoded(data)
        try:
            records = [json.loads(text)]
        except ValueError:
            records = _json_lines(text)
        if not records:  # with comments, or cut short: a text still
            return ParsedText(text, sections(text, ()))
        draft = Draft()
        whole = records[0] if len(records) == 1 else records
        if isinstance(whole, list):
            for record in whole:
                draft.block("\n".join(_lines(record, 0)))
            return draft.parsed()
        if not isinstance(whole, dict):
            draft.block(str(whole))
            return draft.parsed()
        nested = {name: v for name, v in whole.items() if v and isinstance(v, (dict, list))}
        # First what is said of the whole, which would else stand in another name's section.
        simple = (_entry(name, v, 0) for name, v in whole.items() if name not in nested)
        draft.block("\n".join(chain.from_iterable(simple)))
        for name, value in nested.items():
            _add_section(draft, name, value)
        return draft.parsed(_title(whole))


def _add_section(draft: Draft, name: str, value: dict[str, object] | list[object]) -> None:
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        draft.heading(1, name)
        for record in value:
            draft.block("\n".join(_lines(record, 0)))
    else:
        draft.labelled(name, "\n".join(_entry(name, value, 0)))


def _json_lines(text: str) -> list[object]:
    """A record a line, or nothing if any line is none."""
    try:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except ValueError:
        return []


def _lines(value: object, depth: int) -> Iterator[str]:
    if depth > _DEEPEST_OUTLINE:
        yield "  " * depth + json.dumps(value, ensure_ascii=False)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _entry(name, inner, depth)
    elif isinstance(value, list):
        for inner in value:
            first, *rest = [*_lines(inner, depth + 1)] or [""]
            yield "  " * depth + "- " + first.strip()
            yield from rest
    else:
        yield "  " * depth + _scalar(value)


def _entry(name: str, value: object, depth: int) -> Iterator[str]:
    if isinstance(value, list) and value and not any(isinstance(v, (dict, list)) for v in value):
        value = ", ".join(map(_scalar, value))
    if isinstance(value, (dict, list)):
        yield "  " * depth + f"{name}:"
        yield from _lines(value, depth + 1)
    else:
        lines = _scalar(value).split("\n")
        yield "  " * depth + f"{name}: {lines[0]}"
        for line in lines[1:]:
            yield "  " * (depth + 1) + line


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _title(whole: dict[str, object]) -> str | None:
    for name in _TITLES:
        value = whole.get(name)
        if isinstance(value, str) and len(value) <= _LONGEST_TITLE:
            return value
    return None
