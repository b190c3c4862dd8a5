"""How a number follows from others: converted, rounded, reckoned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from app.answering.numbers import Number

_CLOSE = 0.02
"""How far a converted unit may be off: "15 miles" for 24 km."""


def derivation(claimed: Number, given: Sequence[Number], sentence: str) -> str | None:
    """How `claimed` follows from the numbers `given`, in words; None where it doesn't."""
    return (
        _converted(claimed, given)
        or _rounded(claimed, given)
        or _period(claimed, given)
        or _reckoned(claimed, given, sentence)
    )


def _converted(claimed: Number, given: Sequence[Number]) -> str | None:
    for other in given:
        if claimed.measure is None or claimed.measure != other.measure:
            continue
        if claimed.factor == other.factor:
            continue
        for a in claimed.values:
            for b in other.values:
                base = b * other.factor
                if base and abs(a * claimed.factor - base) <= _CLOSE * abs(base):
                    return f"converted from {other.text}"
    return None


def _rounded(claimed: Number, given: Sequence[Number]) -> str | None:
    if not (claimed.hedged or claimed.rounded):
        return None
    for other in given:
        if claimed.measure != other.measure or claimed.factor != other.factor:
            continue
        for a in claimed.values:
            for b in other.values:
                if a and b and a != b and _digits(b) > _digits(a) and _to(b, _digits(a)) == a:
                    return f"rounded from {other.text}"
    return None


def _digits(value: float) -> int:
    return len(f"{value:.12g}".replace(".", "").strip("0")) or 1


def _to(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _period(claimed: Number, given: Sequence[Number]) -> str | None:
    years = [n for n in given if n.year]
    value = next(iter(claimed.values))
    if claimed.decade:
        for year in years:
            if value <= next(iter(year.values)) < value + 10:
                return f"the decade of {year.text}"
    if claimed.ordinal:
        for year in years:
            if (next(iter(year.values)) - 1) // 100 + 1 == value:
                return f"the century of {year.text}"
    if claimed.measure == "time" and claimed.unit.startswith(("year", "yr", "jahr", "an", "a")):
        for one, other in combinations(years, 2):
            if abs(next(iter(one.values)) - next(iter(other.values))) == value:
                return f"from {one.text} to {other.text}"
    return None


_TOTAL = re.compile(
    r"(?i)\b(total|altogether|together|combined|sum|in all|insgesamt|zusammen|au total|en total)\b"
)
_DIFFERENCE = re.compile(
    r"(?i)\b(more|fewer|less|difference|margin|rose|fell|grew|dropped|increased?|decreased?|mehr|"
    r"weniger|unterschied|stieg|sank)\b"
)


def _reckoned(claimed: Number, given: Sequence[Number], sentence: str) -> str | None:
    alike = [n for n in given if n.same_kind(claimed) and n.factor == claimed.factor]
    for count in (2, 3):
        for some in combinations(alike, count):
            values = [next(iter(n.values)) for n in some]
            shown = [n.text for n in some]
            if _TOTAL.search(sentence) and sum(values) in claimed.values:
                return f"the sum of {', '.join(shown[:-1])} and {shown[-1]}"
            apart = abs(values[0] - values[1])
            if count == 2 and apart in claimed.values and _DIFFERENCE.search(sentence):  # noqa: PLR2004
                return f"the difference of {shown[0]} and {shown[1]}"
    return None
