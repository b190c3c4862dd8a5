"""Sizes, counts, dates and places, as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.ingestion.pace import Pace

_STEPS = ((60, "second"), (60, "minute"), (24, "hour"), (7, "day"), (5, "week"))
_DAYS_A_MONTH = 30.44
_MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class When:
    """A moment: how long ago, and exactly; `machine` is for the `datetime` attribute."""

    relative: str
    exact: str
    machine: str


def when(moment: datetime) -> When:
    exact = f"{moment.astimezone(UTC):%-d %B %Y, %H:%M} UTC"
    return When(_ago((datetime.now(UTC) - moment).total_seconds()), exact, moment.isoformat())


def _ago(seconds: float) -> str:
    if seconds < 45:  # noqa: PLR2004 - less than most of a minute
        return "just now"
    passed = seconds
    for size, unit in _STEPS:
        if round(passed) < size:
            return f"{count(round(passed), unit)} ago"
        passed /= size
    months = seconds / 86_400 / _DAYS_A_MONTH
    if round(months) < _MONTHS_A_YEAR:
        return f"{count(max(1, round(months)), 'month')} ago"
    return f"{count(max(1, round(months / _MONTHS_A_YEAR)), 'year')} ago"


def place(parts: Iterable[str]) -> str:
    """What leads to a passage, the outermost first, in one line."""
    return " \u203a ".join(parts)


def count(number: int, thing: str, things: str | None = None) -> str:
    """`number` with its thing: "1 passage", "1,200 passages"."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def size(octets: int) -> str:
    """Bytes as a person reads them, in powers of ten."""
    if octets < 1000:  # noqa: PLR2004
        return count(octets, "byte")
    amount, unit = octets / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if amount < 999.5:  # noqa: PLR2004 - rounds to less than the next unit
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:,.0f} {unit}"  # noqa: PLR2004


def dollars(cost: float) -> str:
    """US dollars, of which an answer costs parts of a cent."""
    if 0 < cost < 0.0001:  # noqa: PLR2004 - what is shown as nothing
        return "under $0.0001"
    return f"${cost:.4f}" if cost < 0.1 else f"${cost:,.2f}"  # noqa: PLR2004


def duration(milliseconds: float) -> str:
    """A short time with its unit: "34 ms", "1.2 s"."""
    if milliseconds < 999.5:  # noqa: PLR2004
        return f"{milliseconds:.0f} ms" if milliseconds >= 1 else "under 1 ms"
    return f"{milliseconds / 1000:.1f} s"


def pace_in_words(pace: Pace) -> str:
    """How fast a queue is worked off, and how long it takes, as far as it is known."""
    if pace.chunks_per_second <= 0:
        return ""
    said = f"{pace.chunks_per_second:.3g} chunks/s"
    return said if pace.seconds_left is None else f"{said}, {time_left(pace.seconds_left)} left"


def time_left(seconds: float) -> str:
    """A time to wait, as roughly as it is known."""
    if seconds < 60:  # noqa: PLR2004
        return "less than a minute"
    if seconds < 5400:  # noqa: PLR2004 - an hour and a half
        return f"about {count(round(seconds / 60), 'minute')}"
    return f"about {count(round(seconds / 3600), 'hour')}"


def kept_for(days: int) -> str:
    """How long something is kept, in days; empty for not at all."""
    return count(days, "day") if days else ""
