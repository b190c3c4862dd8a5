"""Passages for people to read: what stands in several places once, what stands together whole."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.retrieval.passage import Passage, Place

SAME = 0.8
"""The share of two texts' windows in common from which they are near-identical (Jaccard)."""
WINDOW = 4  # words that are compared as one
WIDEST_GAP = 4  # characters of white space between chunks that follow each other
WORD = re.compile(r"[^\W_]+")


def folded(passages: Iterable[Passage]) -> list[Passage]:
    """The passages without those that say what a better one says; that one lists where else.

    Two texts are near-identical if they have at least `SAME` of their windows of words in common.
    """
    kept: list[Passage] = []
    known: list[frozenset[tuple[str, ...]]] = []
    for passage in passages:
        windows = _windows(passage.text)
        same = next((i for i, other in enumerate(known) if _alike(windows, other)), None)
        if same is None:
            kept.append(passage)
            known.append(windows)
        else:
            also = (*kept[same].also, Place.of(passage), *passage.also)
            kept[same] = replace(kept[same], also=also)
    return kept


def _windows(text: str) -> frozenset[tuple[str, ...]]:
    words = WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    if len(words) < 2 * WINDOW:  # too few to be alike: the same, or a script without spaces
        whole = "".join(words)
        words = list(whole) if len(whole) >= 2 * WINDOW else [whole]
    return frozenset(zip(*(words[i:] for i in range(min(WINDOW, len(words)))), strict=False))


def _alike(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> bool:
    fewer, more = sorted((len(one), len(other)))
    if fewer < SAME * more:
        return False
    common = len(one & other)
    return common >= SAME * (len(one) + len(other) - common)


def joined(passages: Sequence[Passage]) -> list[tuple[Passage, ...]]:
    """The passages, those together that follow each other in a section, each as in its text.

    A group stands where its best passage stood.
    """
    groups: dict[int, list[Passage]] = {}
    of: dict[int, int] = {}
    in_order = sorted(passages, key=lambda each: (each.revision_id, each.start))
    for before, passage in zip([None, *in_order], in_order, strict=False):
        follows = before is not None and _follows(before, passage)
        first = of[before.chunk_id] if follows and before is not None else passage.chunk_id
        of[passage.chunk_id] = first
        groups.setdefault(first, []).append(passage)
    ordered = dict.fromkeys(of[each.chunk_id] for each in passages)
    return [tuple(groups[first]) for first in ordered]


def _follows(before: Passage, passage: Passage) -> bool:
    return (
        before.revision_id == passage.revision_id
        and before.section_path == passage.section_path
        and before.page == passage.page
        and 0 <= passage.start - before.end <= WIDEST_GAP
    )


def as_one(group: Sequence[Passage], text: str) -> Passage:
    """A group as one passage of the whole `text`, with the evidence of its best."""
    best = min(group, key=lambda each: each.rank)
    also = tuple(place for each in group for place in each.also)
    return replace(best, start=group[0].start, end=group[-1].end, text=text, also=also)


def by_document(passages: Iterable[Passage]) -> list[Passage]:
    """The best passage of each document, with the document's others as its `more`."""
    best: dict[int, list[Passage]] = {}
    for passage in passages:
        best.setdefault(passage.document_id, []).append(passage)
    return [replace(first, more=tuple(others)) for first, *others in best.values()]
