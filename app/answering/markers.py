"""Citation markers in a model's text, read from a stream that may be split anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPEN, _CLOSE = "[【", "]】"
_LONGEST = 40
"""Characters of the longest marker; what is longer is text."""

_NUMBER = r"\^?\d{1,3}"
_MARKER = re.compile(
    rf"[\[【]\s*({_NUMBER}(?:\s*[-,;–]\s*{_NUMBER})*)\s*(?:†[^\]】]*)?[\]】]"  # noqa: RUF001
)
_RANGE = re.compile(r"(\d+)\s*[-–]\s*\^?(\d+)|(\d+)")  # noqa: RUF001
_WIDEST_RANGE = 20
_FENCE = 3
"""Backticks that open or close a block of code; fewer open a stretch of it."""


@dataclass(frozen=True)
class Marker:
    """`[1]`, `[1, 3]`, `[1-3]`, `[^1]` or `【1】`: the numbers of the passages cited, in order."""

    numbers: tuple[int, ...]


@dataclass
class MarkerReader:
    """A model's text, piece by piece → text without markers, and the markers where they stood.

    It works character by character, so that how the stream was split makes no difference. Brackets
    in code are code. White space that led to a marker is dropped with it where the sentence goes on
    with a mark or a space: "turns [1]." becomes "turns.", "turns [1] at" becomes "turns at".
    """

    _held: str = ""
    _space: str = ""
    _space_before_marker: str = ""
    _ticks: int = 0
    _in_block: bool = False
    _in_span: bool = False

    def read(self, piece: str) -> Iterator[str | Marker]:
        """The text and markers that are certain once `piece` has come."""
        for character in piece:
            yield from self._take(character)

    def finish(self) -> Iterator[str | Marker]:
        """What was held back in case a marker would come of it; trailing white space is dropped."""
        if self._held:
            yield from self._text(self._held)
        self._held = self._space = self._space_before_marker = ""

    def _take(self, character: str) -> Iterator[str | Marker]:
        if self._held:
            yield from self._continue_marker(character)
        elif character in _OPEN and not self._is_code(character):
            self._held = character
        else:
            self._is_code(character)
            yield from self._text(character)

    def _continue_marker(self, character: str) -> Iterator[str | Marker]:
        candidate = self._held + character
        if character in _CLOSE and (marker := _MARKER.fullmatch(candidate)):
            self._held = ""
            if self._space:
                self._space_before_marker, self._space = self._space, ""
            yield Marker(tuple(_numbers(marker[1])))
        elif character in _OPEN or character in _CLOSE + "\n`" or len(candidate) > _LONGEST:
            held, self._held = self._held, ""
            yield from self._text(held)
            yield from self._take(character)
        else:
            self._held = candidate

    def _text(self, text: str) -> Iterator[str]:
        for character in text:
            if character.isspace():
                # What follows a marker separates in the place of what went before it.
                self._space_before_marker = ""
                self._space += character
                continue
            lead = self._space or (self._space_before_marker if character.isalnum() else "")
            self._space = self._space_before_marker = ""
            yield lead + character

    def _is_code(self, character: str) -> bool:
        """Follow the backticks up to `character`; whether it stands in code."""
        if character == "`":
            self._ticks += 1
            return True
        if self._ticks >= _FENCE:
            self._in_block, self._in_span = not self._in_block, False
        elif self._ticks and not self._in_block:
            self._in_span = not self._in_span
        self._ticks = 0
        if character == "\n":
            self._in_span = False
        return self._in_block or self._in_span


def _numbers(inside: str) -> Iterator[int]:
    for part in _RANGE.finditer(inside):
        if part[3]:
            yield int(part[3])
        else:
            first, last = int(part[1]), int(part[2])
            if 0 <= last - first < _WIDEST_RANGE:
                yield from range(first, last + 1)
            else:
                yield from (first, last)
