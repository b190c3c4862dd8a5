"""Units of measure by the words and signs for them, in a few languages."""
# Lists of words read best as words.

from __future__ import annotations

_MEASURES: dict[str, dict[float, str]] = {
    "length": {
        0.001: "mm millimetre millimeter", 0.01: "cm centimetre centimeter",
        0.0254: "inch inches", 0.3048: "ft foot feet fuß",
        0.9144: "yd yard", 1: "m metre meter mètre metro 米",
        1000: "km kilometre kilometer kilomètre kilómetro 公里 千米",
        1609.344: "mi mile meile meilen 英里",
    },
    "area": {
        1: "m² m2 sqm", 4046.86: "acre", 10_000: "ha hectare hektar", 1e6: "km² km2",
        2.58999e6: "sqmi",
    },
    "mass": {
        1e-6: "mg milligram", 0.001: "g gram gramm", 0.45359: "lb lbs",
        0.02835: "oz ounce", 1: "kg kilogram kilogramm kilo", 907.18: "ton",
        1000: "tonne metric-ton",
    },
    "volume": {0.001: "ml millilitre milliliter", 1: "l litre liter", 3.7854: "gallon"},
    "time": {
        0.001: "ms millisecond", 1: "s second seconds sec sekunde sekunden seconde segundo 秒",
        60: "min minute minuten minuto 分钟", 3600: "h hour hr stunde stunden heure hora 小时",
        86_400: "day tag tage tagen jour día 天",
        604_800: "week woche wochen semaine semana 周",
        2_629_800: "month monat monate monaten mois mes 个月",
        31_557_600: "year yr jahr jahre jahren ans année año años 年",
        315_576_000: "decade jahrzehnt jahrzehnte", 3_155_760_000: "century jahrhundert",
    },
    "percent": {1: "% percent prozent pourcent 个百分点"},
    "dollars": {1: "$ dollar usd 美元"}, "euros": {1: "€ euro eur 欧元"},
    "sterling": {1: "£ gbp sterling 英镑"}, "pound": {1: "pound pfund"},
    "yen": {1: "¥ yen yuan 元"},
    "frequency": {1: "hz hertz", 1e3: "khz", 1e6: "mhz", 1e9: "ghz"},
    "power": {1: "w watt", 1e3: "kw kilowatt", 1e6: "megawatt mw", 745.7: "hp horsepower"},
    "voltage": {1: "v volt", 1e3: "kv kilovolt"},
    "data": {1: "byte", 1e3: "kb kilobyte", 1e6: "mb megabyte", 1e9: "gb gigabyte",
             1e12: "tb terabyte"},
    "celsius": {1: "°c celsius"}, "fahrenheit": {1: "°f fahrenheit"}, "kelvin": {1: "kelvin"},
}  # fmt: skip

UNITS = {
    word: (measure, factor)
    for measure, units in _MEASURES.items()
    for factor, words in units.items()
    for word in words.split()
}
"""A unit → what it measures, and how many of that measure's base unit it is."""

ALONE_MATTERS = frozenset({"percent", "dollars", "euros", "sterling", "yen"})
"""Measures without which a number says something else."""
