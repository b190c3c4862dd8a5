"""The rail beside a document's text: its sections or, where it has none, its pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.documents.model import Section
from app.web.pages.wording import count

BEFORE, AFTER = 20, 60  # entries shown around the present place
DEEPEST = 3


@dataclass(frozen=True)
class Entry:
    label: str
    address: str
    depth: int
    here: bool


@dataclass(frozen=True)
class Rail:
    """`above` and `below` say how much is not shown."""

    title: str
    entries: tuple[Entry, ...]
    above: str
    below: str


def rail(sections: Sequence[Section], place: int, link: Callable[[int], str]) -> Rail:
    """The entries around the offset `place`; `link` gives the address of an offset."""
    by_heading = any(section.path for section in sections)
    starts = [
        section
        for section, before in zip(sections, [None, *sections], strict=False)
        if before is None or _label(section, by_heading) != _label(before, by_heading)
    ]
    starts = [section for section in starts if _label(section, by_heading)]
    here = max((i for i, section in enumerate(starts) if section.start <= place), default=0)
    first, last = max(0, here - BEFORE), min(len(starts), here + AFTER)
    entries = tuple(
        Entry(
            _label(section, by_heading),
            link(section.start),
            min(len(section.path), DEEPEST) if by_heading else 1,
            number == here,
        )
        for number, section in enumerate(starts[first:last], start=first)
    )
    return Rail(
        "Sections" if by_heading else "Pages",
        entries if len(starts) > 1 else (),
        f"{count(first, 'entry', 'entries')} above" if first else "",
        f"{count(len(starts) - last, 'entry', 'entries')} below" if last < len(starts) else "",
    )


def _label(section: Section, by_heading: bool) -> str:  # noqa: FBT001
    if by_heading:
        return section.path[-1] if section.path else ""
    return f"Page {section.page}" if section.page is not None else ""
