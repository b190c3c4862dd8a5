"""What differs between two texts: lines that left and came, and the words that changed in them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from app.errors import TooLongToCompare

Kind = Literal["same", "removed", "added"]
Opcode = tuple[str, int, int, int, int]

CONTEXT = 2  # lines shown around what differs
MOST_LINES = 100_000  # of each text, between its first difference and its last
# SequenceMatcher's time can grow with the cube of what it compares: it is given little at a time.
LINES_AT_ONCE = 500
WORDS_AT_ONCE = 400
MOST_WORDS = 60_000  # in all lines; beyond, a line that changed is shown whole
ALIKE = 0.3  # of two lines, from where on one is taken for the other, changed
# A character each where words have no space between them.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|\s+|.", re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """A stretch of a line; `changed` where the other text has other words in its place."""

    text: str
    changed: bool


@dataclass(frozen=True)
class Line:
    """A line that both texts have, or that left, or that came.

    `old` and `new` are its number in each text, from 1; None where it is not in it.
    """

    kind: Kind
    old: int | None
    new: int | None
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True)
class Difference:
    """Stretches of lines around what differs, in order, with how many lines came and left."""

    stretches: tuple[tuple[Line, ...], ...]
    added: int
    removed: int


def difference(old: str, new: str) -> Difference:
    """What makes `new` of `old`, line by line.

    Raises:
        TooLongToCompare: more than `MOST_LINES` lie between the first difference and the last.
    """
    before, after = old.split("\n"), new.split("\n")
    first = _alike(before, after)
    last = _alike(before[first:][::-1], after[first:][::-1])
    mine = slice(first, len(before) - last)
    theirs = slice(first, len(after) - last)
    longest = max(mine.stop - mine.start, theirs.stop - theirs.start)
    if longest > MOST_LINES:
        raise TooLongToCompare(
            f"The two revisions differ over {longest:,} lines; {MOST_LINES:,} are compared."
        )
    around: list[Opcode] = [
        ("equal", 0, first, 0, first),
        *_opcodes(before, after, mine, theirs),
        ("equal", mine.stop, len(before), theirs.stop, len(after)),
    ]
    stretches = tuple(_stretches(before, after, _joined(around)))
    lines = [line for stretch in stretches for line in stretch]
    return Difference(
        stretches,
        added=sum(line.kind == "added" for line in lines),
        removed=sum(line.kind == "removed" for line in lines),
    )


def _opcodes(
    before: Sequence[str], after: Sequence[str], mine: slice, theirs: slice
) -> Iterator[Opcode]:
    """Between lines that both have once and in the same order, what lies there is compared.

    The first half of it is known as patience diff (Bram Cohen).
    """
    i, k = mine.start, theirs.start
    for j, m in [*_landmarks(before, after, mine, theirs), (mine.stop, theirs.stop)]:
        if max(j - i, m - k) > LINES_AT_ONCE or i == j or k == m:
            yield ("replace", i, j, k, m)
        else:
            for tag, *at in SequenceMatcher(None, before[i:j], after[k:m]).get_opcodes():
                yield (tag, at[0] + i, at[1] + i, at[2] + k, at[3] + k)
        if j < mine.stop and m < theirs.stop:
            yield ("equal", j, j + 1, m, m + 1)
        i, k = j + 1, m + 1


def _landmarks(
    before: Sequence[str], after: Sequence[str], mine: slice, theirs: slice
) -> list[tuple[int, int]]:
    """The longest row of lines, as (number in one, in the other), that grows in both."""
    here = _only_once(before, mine)
    there = _only_once(after, theirs)
    common = [(i, there[line]) for line, i in here.items() if line in there]
    ends: list[int] = []  # the smallest last line of a row of each length
    rows: list[int] = []  # its place in `common`
    earlier: list[int] = []
    for place, (_, k) in enumerate(common):
        length = bisect_left(ends, k)
        earlier.append(rows[length - 1] if length else -1)
        ends[length : length + 1] = [k]
        rows[length : length + 1] = [place]
    row: list[tuple[int, int]] = []
    at = rows[-1] if rows else -1
    while at >= 0:
        row.append(common[at])
        at = earlier[at]
    return row[::-1]


def _only_once(lines: Sequence[str], part: slice) -> dict[str, int]:
    times = Counter(lines[part])
    return {lines[n]: n for n in range(part.start, part.stop) if times[lines[n]] == 1 and lines[n]}


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines are the same from the beginning."""
    number = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        number += 1
    return number


def _joined(opcodes: Sequence[Opcode]) -> list[Opcode]:
    """The same, without empty ones and without two equal ones in a row."""
    joined: list[Opcode] = []
    for tag, i, j, k, m in opcodes:
        if i == j and k == m:
            continue
        if joined and joined[-1][0] == tag == "equal":
            _, start, _, there, _ = joined.pop()
            joined.append((tag, start, j, there, m))
        else:
            joined.append((tag, i, j, k, m))
    return joined


def _stretches(
    before: Sequence[str], after: Sequence[str], opcodes: Sequence[Opcode]
) -> Iterator[tuple[Line, ...]]:
    stretch: list[Line] = []
    left = MOST_WORDS
    for place, (tag, i, j, k, m) in enumerate(opcodes):
        if tag != "equal":
            changed, left = _changed(before[i:j], after[k:m], i, k, left)
            stretch += changed
            continue
        same = [
            Line("same", i + n + 1, k + n + 1, (Piece(before[i + n], changed=False),))
            for n in _context(j - i, first=place == 0, last=place == len(opcodes) - 1)
        ]
        split = next((n for n, line in enumerate(same[1:], 1) if _gap(same[n - 1], line)), None)
        if place == 0:
            stretch = same
        elif split is None:
            stretch += same
        else:
            yield tuple(stretch + same[:split])
            stretch = same[split:]
    if any(line.kind != "same" for line in stretch):
        yield tuple(stretch)


def _context(lines: int, *, first: bool, last: bool) -> list[int]:
    """Which of a number of equal lines are shown: those beside what differs."""
    after = range(0 if first else min(CONTEXT, lines))
    before = range(lines if last else max(0, lines - CONTEXT), lines)
    return sorted({*after, *before})


def _gap(one: Line, other: Line) -> bool:
    return (other.old or 0) > (one.old or 0) + 1


def _changed(
    went: Sequence[str], came: Sequence[str], i: int, k: int, words: int
) -> tuple[list[Line], int]:
    """The lines that went, then those that came in their place, compared one with one.

    Also how many of `words` may still be compared.
    """
    pairs = []
    for a, b in zip(went, came, strict=False):
        pieces, compared = _words(a, b, words)
        pairs.append(pieces)
        words -= compared
    lines = [
        Line("removed", i + n + 1, None, pairs[n][0] if n < len(pairs) else _whole(line))
        for n, line in enumerate(went)
    ]
    lines += [
        Line("added", None, k + n + 1, pairs[n][1] if n < len(pairs) else _whole(line))
        for n, line in enumerate(came)
    ]
    return lines, words


def _whole(line: str) -> tuple[Piece, ...]:
    return (Piece(line, changed=False),)


def _words(
    old: str, new: str, most: int
) -> tuple[tuple[tuple[Piece, ...], tuple[Piece, ...]], int]:
    """Both lines in pieces, whole where they have little in common; how many words it took."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    first = _alike(before, after)
    last = _alike(before[first:][::-1], after[first:][::-1])
    mine, theirs = before[first : len(before) - last], after[first : len(after) - last]
    words = max(len(mine), len(theirs))
    if words > min(WORDS_AT_ONCE, most):
        return (_whole(old), _whole(new)), 0
    matcher = SequenceMatcher(None, mine, theirs)
    same = first + last + sum(block.size for block in matcher.get_matching_blocks())
    if 2 * same < ALIKE * (len(before) + len(after)):
        return (_whole(old), _whole(new)), words
    runs = [
        (False, before[:first], after[:first]),
        *((tag != "equal", mine[i:j], theirs[k:m]) for tag, i, j, k, m in matcher.get_opcodes()),
        (False, before[len(before) - last :], after[len(after) - last :]),
    ]
    return (
        tuple(Piece("".join(run), changed=changed) for changed, run, _ in runs if run),
        tuple(Piece("".join(run), changed=changed) for changed, _, run in runs if run),
    ), words
