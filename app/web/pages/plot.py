"""A plot of measures over time, as the template draws it in SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.evaluation.outcome import Kept, Way

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 40, 96, 16, 32
RUNS = 30  # the latest that are drawn


@dataclass(frozen=True)
class Mark:
    x: float
    y: float
    said: str
    """What it shows, in words."""


@dataclass(frozen=True)
class Line:
    """One way's course; `points` as SVG's polyline takes them, `label` at the height of its end."""

    way: str
    points: str
    marks: tuple[Mark, ...]
    label: Mark


@dataclass(frozen=True)
class Tick:
    y: float
    label: str


@dataclass(frozen=True)
class Plot:
    """`first` and `last` are the ends of its time."""

    width: int
    height: int
    left: int
    right: int
    ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    first: str
    last: str


def plot(kept: Sequence[Kept]) -> Plot | None:
    """nDCG@10 of each way over the runs, which come newest first; runs are evenly spaced."""
    times = sorted({each.created_at for each in kept})[-RUNS:]
    if not times:
        return None
    place = {moment: n for n, moment in enumerate(times)}
    shown = [each for each in reversed(kept) if each.created_at in place]
    inner = WIDTH - LEFT - RIGHT

    def x(moment_place: int) -> float:
        steps = len(times) - 1
        return LEFT + (inner * moment_place / steps if steps else inner / 2)

    def y(value: float) -> float:
        return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)

    lines = []
    for way in Way:
        of_way = [each for each in shown if each.way is way]
        if of_way:
            marks = tuple(
                Mark(
                    round(x(place[each.created_at]), 1),
                    round(y(each.measures.ndcg), 1),
                    f"{way}, {each.created_at:%-d %B %Y, %H:%M}: {each.measures.ndcg:.3f}",
                )
                for each in of_way
            )
            points = " ".join(f"{mark.x},{mark.y}" for mark in marks)
            lines.append(Line(way, points, marks, marks[-1]))
    return Plot(
        WIDTH,
        HEIGHT,
        LEFT,
        WIDTH - RIGHT,
        tuple(Tick(round(y(value), 1), f"{value:.1f}") for value in (0, 0.2, 0.4, 0.6, 0.8, 1)),
        _apart(lines),
        f"{times[0]:%-d %B %Y}",
        f"{times[-1]:%-d %B %Y}",
    )


def _apart(lines: Sequence[Line], least: float = 16) -> tuple[Line, ...]:
    """The lines with their labels so far apart that each can be read."""
    lowest = float("inf")
    placed = []
    for line in sorted(lines, key=lambda each: -each.label.y):
        lowest = min(line.label.y, lowest - least)
        placed.append(Line(line.way, line.points, line.marks, Mark(line.label.x, lowest, line.way)))
    return tuple(placed)
