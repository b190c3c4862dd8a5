"""Passages → those that find room in a prompt, neighbours in the document joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.retrieval.passage import Passage

WIDEST_GAP = 20
"""Characters of white space between two chunks that follow each other."""

Stretch = Callable[[int, int, int], str]
"""Revision id, start, end → those characters of its text."""


def joined(passages: Sequence[Passage], stretch: Stretch) -> tuple[Passage, ...]:
    """`passages` by rank, where those that follow each other in one section are one.

    It stands at the place of the best of them, and is the revision's own text, with the white space
    between chunks. What is on another page or in another section stays apart, since a citation
    names both.
    """
    groups: list[list[Passage]] = []
    for passage in sorted(passages, key=lambda each: (each.revision_id, each.start)):
        if groups and _follows(groups[-1][-1], passage):
            groups[-1].append(passage)
        else:
            groups.append([passage])
    made = [_one(group, stretch) for group in groups]
    return tuple(sorted(made, key=lambda each: each.rank))


def _follows(one: Passage, other: Passage) -> bool:
    return (
        one.revision_id == other.revision_id
        and one.page == other.page
        and one.section_path == other.section_path
        and 0 <= other.start - one.end <= WIDEST_GAP
    )


def _one(group: Sequence[Passage], stretch: Stretch) -> Passage:
    best = min(group, key=lambda each: each.rank)
    if len(group) == 1:
        return best
    start, end = group[0].start, group[-1].end
    return replace(best, start=start, end=end, text=stretch(best.revision_id, start, end))
