"""A page as it looks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A page drawn as PNG; `boxes` is how many stretches of the quote are marked on it."""

    png: bytes
    boxes: int
