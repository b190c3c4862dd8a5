"""What a benchmark found, and whether that is enough."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One row of the table that `make bench` prints."""

    name: str
    value: float
    unit: str
    target: float | None = None
    """What must be reached, or must not be passed where `at_most`; None for a figure only told."""
    detail: str = ""
    """What it was made of: both sides of a ratio, the number of texts."""
    at_most: bool = False

    @property
    def is_enough(self) -> bool:
        if self.target is None:
            return True
        return self.value <= self.target if self.at_most else self.value >= self.target

    def __str__(self) -> str:
        bound = "" if self.target is None else f" ({'≤' if self.at_most else '≥'} {self.target:g})"
        verdict = "" if self.is_enough else " MISSED"
        return f"{self.name}: {self.value:.3g} {self.unit}{bound}{verdict}; {self.detail}"
