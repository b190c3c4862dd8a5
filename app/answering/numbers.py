"""The numbers, dates and units of a sentence, as values that can be compared across notations."""
# ruff: noqa: SIM905
# Lists of words read best as words.

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.answering.units import ALONE_MATTERS, UNITS

_WORDS = {
    word: float(value)
    for value, words in enumerate(
        (
            "zero null cero zéro", "", "two zwei deux dos", "three drei trois tres",
            "four vier quatre cuatro", "five fünf cinq cinco", "six sechs seis",
            "seven sieben sept siete", "eight acht huit ocho", "nine neun neuf nueve",
            "ten zehn dix diez", "eleven elf onze once", "twelve zwölf douze doce",
            "thirteen dreizehn treize trece", "fourteen vierzehn quatorze catorce",
            "fifteen fünfzehn quinze quince", "sixteen sechzehn seize", "seventeen siebzehn",
            "eighteen achtzehn", "nineteen neunzehn", "twenty zwanzig vingt veinte",
        )
    )
    for word in words.split()
}  # fmt: skip
_TENS = dict(
    zip("thirty forty fifty sixty seventy eighty ninety".split(), range(30, 100, 10), strict=True)
)
_WORDS |= {word: float(value) for word, value in _TENS.items()}
_WORDS |= {"dozen": 12.0, "half": 0.5}
_ORDINALS = {
    word: float(value)
    for value, word in enumerate(
        "second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), 2
    )
}
_TIMES = {
    word: 10.0**power
    for power, words in {
        2: "hundred hundert cien 百",
        3: "thousand tausend mille mil 千",
        4: "万 萬",
        6: "million millions mio mill millionen millón millones 百万",
        8: "亿 億",
        9: "billion billions milliarde milliarden mrd milliard milliards 十亿",
        12: "trillion trillions billionen 万亿",
    }.items()
    for word in words.split()
}
_MANY = {"dozens": 12.0, "hundreds": 1e2, "thousands": 1e3, "millions": 1e6, "billions": 1e9}
_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "january januar janvier enero jan", "february februar février febrero feb",
            "march märz mars marzo", "april avril abril apr", "may mai mayo",
            "june juni juin junio jun", "july juli juillet julio jul",
            "august août agosto aug", "september septembre septiembre sep sept",
            "october oktober octobre octubre oct", "november novembre noviembre nov",
            "december dezember décembre diciembre dec",
        ),
        1,
    )
    for word in words.split()
}  # fmt: skip
_ALSO_WORDS = frozenset("may march mars sept mai august".split())
"""Months that are other words too: these count beside a number only."""

_HEDGES = re.compile(
    r"(?i)(?:\b(?:about|around|some|roughly|approximately|nearly|almost|over|more than|less than|"
    r"under|up to|at least|circa|ca|etwa|rund|ungefähr|fast|knapp|über|environ|presque|plus de|"
    r"unos|casi|más de)\.?|约|大约|近|超过|[~≈<>])\s*[$€£¥]?\s*$"
)
_MARKS = r"[.,\u00a0\u202f\u2009'\u2019]"
_FIGURE = re.compile(
    r"(?<![^\W\u3400-\u9fff])(?<![.:])(?P<currency>[$€£¥])?\s?"
    rf"(?P<digits>\d{{1,2}}:\d{{2}}|\d+(?:{_MARKS}\d+)*)"
    r"(?P<suffix>st|nd|rd|th|['\u2019]?s\b)?(?![0-9])"
)
_WORD = re.compile(r"[^\W\d_]+")
_AFTER = re.compile(
    r"[\s\u00a0-]*(?P<square>square\s|sq\.?\s)?"
    r"(?P<word>%|[$€£¥]|°\s?[CF]|km²|km2|m²|m2|[\u4e00-\u9fff]{1,3}|[^\W\d_]+)?"
)
_RANGE = re.compile(r"\s*(?:-|–|to|and|or|bis|und|à|et|a|y|至|到)\s*$")  # noqa: RUF001


@dataclass(frozen=True)
class Number:
    """A number as it is written, and what it may stand for.

    `values` are several where the notation leaves it open: "1.234" is 1.234, or 1234 in German.
    `measure` and `factor` are those of its unit; None where no known unit follows. `hedged` is
    "about" and the like before it; `rounded` whether its notation says that it may be: "3 million".
    """

    text: str
    start: int
    end: int
    values: frozenset[float]
    measure: str | None = None
    factor: float = 1.0
    unit: str = ""
    ordinal: bool = False
    decade: bool = False
    month: bool = False
    hedged: bool = False
    rounded: bool = False

    @property
    def year(self) -> bool:
        return self.measure is None and len(self.text) == 4 and self.text.isdigit()  # noqa: PLR2004

    def same_kind(self, other: Number) -> bool:
        """Whether one could stand in the other's place: both percents, both years, both months."""
        if self.month or other.month or self.ordinal or other.ordinal:
            return self.month == other.month and self.ordinal == other.ordinal
        if self.measure or other.measure:
            return self.measure == other.measure
        return self.year == other.year


def numbers(text: str) -> list[Number]:
    """The numbers of `text`, in order: figures, words for them, and the months of dates."""
    found = sorted([*_figures(text), *_in_words(text), *_months(text)], key=lambda n: n.start)
    # The first of a range is of the unit of the second: "10 to 20 miles".
    for place in range(len(found) - 2, -1, -1):
        one, following = found[place], found[place + 1]
        between = text[one.end : following.start]
        if one.measure is None and following.measure and _RANGE.fullmatch(between):
            found[place] = _with_unit(one, following)
    return found


def _with_unit(one: Number, other: Number) -> Number:
    return Number(
        one.text, one.start, one.end, one.values, other.measure, other.factor, other.unit,
        one.ordinal, one.decade, one.month, one.hedged, one.rounded,
    )  # fmt: skip


def _figures(text: str) -> Iterator[Number]:
    for figure in _FIGURE.finditer(text):
        values = _values(figure["digits"])
        suffix = (figure["suffix"] or "").lstrip("'\u2019")
        if suffix == "s" and len(figure["digits"]) == 2:  # noqa: PLR2004 - "the 70s"
            values = [*values, 1900 + values[0]]
        yield _number(
            text,
            figure.start("digits"),
            figure.end(),
            values,
            currency=figure["currency"] or "",
            ordinal=suffix in {"st", "nd", "rd", "th"},
            decade=suffix == "s",
        )


def _in_words(text: str) -> Iterator[Number]:
    pending: tuple[int, int, float] | None = None
    for word in _WORD.finditer(text):
        key = word[0].casefold()
        if pending is not None and pending[2] in _TENS.values() and text[pending[1]] in "- ":
            joined = text[pending[1] : word.start()]
            if joined in {"-", " "} and 0 < _WORDS.get(key, 0) < 10:  # noqa: PLR2004
                yield _number(text, pending[0], word.end(), [pending[2] + _WORDS[key]])
                pending = None
                continue
        if pending is not None:
            yield _number(text, pending[0], pending[1], [pending[2]])
            pending = None
        if key in _WORDS:
            pending = (word.start(), word.end(), _WORDS[key])
        elif key in _MANY:
            of = re.compile(r" of\b").match(text, word.end())
            end = of.end() if of else word.end()
            yield _number(text, word.start(), end, [_MANY[key]])
        elif key in _ORDINALS:
            yield _number(text, word.start(), word.end(), [_ORDINALS[key]], ordinal=True)
    if pending is not None:
        yield _number(text, pending[0], pending[1], [pending[2]])


def _months(text: str) -> Iterator[Number]:
    for word in _WORD.finditer(text):
        key = word[0].casefold()
        if key not in _MONTHS or not word[0][0].isupper():
            continue
        beside = re.search(r"\d\S{0,2}\s+$", text[: word.start()][-8:]) or re.match(
            r"\.?,?\s+\d", text[word.end() :]
        )
        if beside or key not in _ALSO_WORDS:
            yield Number(
                word[0], word.start(), word.end(), frozenset({float(_MONTHS[key])}), month=True
            )


def _values(digits: str) -> list[float]:
    """What figures may stand for, with a comma or a point as the mark of decimals or thousands."""
    if ":" in digits:  # a time of day, in hours
        hours, minutes = digits.split(":")
        return [int(hours) + int(minutes) / 60]
    plain = re.sub(r"[\u00a0\u202f\u2009'’]", "", digits)  # noqa: RUF001
    marks = re.findall(r"[.,]", plain)
    if not marks:
        return [float(plain)]
    readings = set[float]()
    grouped = re.fullmatch(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*", plain)
    if grouped:
        readings.add(float(re.sub(r"[.,]", "", plain)))
    if len(marks) == 1:
        readings.add(float(plain.replace(",", ".")))
    elif len(set(marks)) > 1:
        head, tail = re.split(rf"[{marks[-1]}]", plain, maxsplit=1)
        readings.add(float(re.sub(r"[.,]", "", head) + "." + re.sub(r"[.,]", "", tail)))
    return sorted(readings) or [float(re.sub(r"[.,]", "", plain))]


def _number(
    text: str,
    start: int,
    end: int,
    values: list[float],
    *,
    currency: str = "",
    ordinal: bool = False,
    decade: bool = False,
) -> Number:
    times, rounded, shown_end = 1.0, False, end
    after = _AFTER.match(text, end)
    while after and (word := _times(after["word"] or "")) and not ordinal:
        times, rounded = times * word, True
        shown_end = after.end("word")
        after = _AFTER.match(text, shown_end)
    unit = _unit(after) if after and not ordinal else ""
    if unit == "年" and end - start == len("2008"):
        unit = ""  # the year, not so many years
    known = UNITS.get(currency or unit)
    if known is not None and not currency and after is not None:
        shown_end = after.end("word")
    return Number(
        text=text[start:shown_end],
        start=start,
        end=shown_end,
        values=frozenset(value * times for value in values),
        measure=known[0] if known else None,
        factor=known[1] if known else 1.0,
        unit=currency or (unit if known else ""),
        ordinal=ordinal,
        decade=decade,
        hedged=_HEDGES.search(text[max(0, start - 24) : start]) is not None,
        rounded=rounded,
    )


def _times(word: str) -> float:
    return _TIMES.get(word.casefold(), 0.0) or (
        max((v for w, v in _TIMES.items() if not w.isascii() and word.startswith(w)), default=0.0)
    )


def _unit(after: re.Match[str]) -> str:
    word = (after["word"] or "").casefold().replace(" ", "")
    if after["square"]:
        return {"mile": "sqmi", "miles": "sqmi", "mi": "sqmi"}.get(
            word, "km²" if word.startswith("kilo") else ""
        )
    if word in UNITS:
        return word
    if len(word) > 2 and word.endswith("s") and word[:-1] in UNITS:  # noqa: PLR2004
        return word[:-1]
    if word == "centuries":
        return "century"
    return next((word[:n] for n in (3, 2, 1) if not word.isascii() and word[:n] in UNITS), "")


def same(one: Number, other: Number) -> bool:
    """Whether the two are the same number of the same thing."""
    if not _compatible(one, other):
        return False
    if one.measure is not None and one.measure == other.measure and one.factor != other.factor:
        return False  # 5 km are not 5 miles: see `derivation`
    if one.ordinal != other.ordinal and (one.ordinal or not other.ordinal):
        pass  # "the 3rd of May" is "May 3"
    return any(abs(a - b) <= 1e-9 * max(1.0, abs(a)) for a in one.values for b in other.values)


def _compatible(one: Number, other: Number) -> bool:
    if one.month != other.month:
        # "2026-05-03" has the month as a number.
        return one.measure is None and other.measure is None
    if one.decade != other.decade:
        return False
    if one.measure == other.measure:
        return True
    if one.measure is None or other.measure is None:
        return (one.measure or other.measure) not in ALONE_MATTERS
    return {one.measure, other.measure} <= {"pound", "sterling"}
