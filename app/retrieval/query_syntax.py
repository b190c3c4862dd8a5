"""What a person typed → a query: "phrases", -words, and filters as name:guide."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from app.documents.filter import Filter, checked_filter
from app.documents.kinds import known_kind
from app.errors import InvalidRequest
from app.retrieval.query import Query

QUOTES = {'"': '"', "“": "”", "„": "“”", "«": "»", "「": "」"}
FIELDS = ("name", "type", "tag", "section", "after", "before")

_QUOTED = "|".join(
    rf"{opening}(?P<q{number}>[^{opening}{closing}]*[^\s{opening}{closing}]"
    rf"[^{opening}{closing}]*)[{closing}][^\w\s]*(?!\S)"
    for number, (opening, closing) in enumerate(QUOTES.items())
)
_PART = re.compile(
    rf"(?<!\S)(?P<minus>-)?(?:(?P<field>{'|'.join(FIELDS)}):)?(?:{_QUOTED}|(?P<word>\S+))",
    re.IGNORECASE,
)


def typed_query(typed: str, query: Query | None = None) -> Query:
    """The query that `typed` asks, in addition to the conditions that `query` has already.

    - `"low water"` must stand in a passage as it is written, in any case;
    - `-neap` may not stand in a passage, in any form of the word; nor may `-"low water"`;
    - `name:guide`, `type:pdf`, `tag:tides`, `section:bar`, `after:2024-05-01` and
      `before:2024-06-01` are filters; a value of several words stands in quotes.

    What is none of these is looked for as it is: a lone quote, `-5`, `--force`, `type:` with no
    kind of file after it. Where nothing but words is typed, they are not changed at all.
    """
    words: list[str] = []
    found = replace(query or Query(""), typed=typed)
    for part in _PART.finditer(typed):
        narrowed = _narrowed(found, part)
        if narrowed is None or narrowed.phrases != found.phrases:
            words.append(_quoted(part) or part[0])
        found = narrowed or found
    unchanged = len(words) == len(typed.split()) and not found.phrases
    return replace(found, text=typed if unchanged else " ".join(words))


def narrowed(query: Query, only: str) -> Query:
    """`query` under conditions that are written as in a search: `type:pdf after:2024-05-01 -neap`.

    Raises:
        InvalidRequest: there is something in `only` that is no condition.
    """
    found = typed_query(only)
    if found.text.strip() != " ".join(found.phrases):
        raise InvalidRequest(
            f"There is something in {only[:80]!r} that narrows nothing.",
            remedy="Conditions are name:guide, type:pdf, tag:tides, section:bar, after:2026-01-31, "
            'before:2026-12-31, "words that stand together", and -word.',
        )
    return replace(
        query,
        filter=checked_filter(found.filter),
        phrases=found.phrases,
        without=found.without,
    )


def _narrowed(query: Query, part: re.Match[str]) -> Query | None:
    """The query under the condition that a part sets; None where the part is words."""
    value = _quoted(part) or part["word"]
    quoted = part["word"] is None
    if part["field"]:
        added = None if part["minus"] else _filtered(query.filter, part["field"].lower(), value)
        return None if added is None else replace(query, filter=added)
    if part["minus"]:
        # A word, not a number below zero, an option or a dash.
        excludes = quoted or value[0].isalpha()
        return replace(query, without=(*query.without, value)) if excludes else None
    return replace(query, phrases=(*query.phrases, value)) if quoted else None


def _filtered(given: Filter, field: str, value: str) -> Filter | None:
    if field == "name":
        return replace(given, names=(*given.names, value))
    if field == "tag":
        return replace(given, tags=(*given.tags, value))
    if field == "section":
        return replace(given, sections=(*given.sections, value))
    if field == "type":
        kind = known_kind(value)
        return None if kind is None else replace(given, kinds=(*given.kinds, kind))
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return replace(given, since=day) if field == "after" else replace(given, until=day)


def _quoted(part: re.Match[str]) -> str:
    """What stands between the quotes, with single spaces; empty where there are none."""
    inside = next((part[f"q{n}"] for n in range(len(QUOTES)) if part[f"q{n}"] is not None), "")
    return " ".join(inside.split())
