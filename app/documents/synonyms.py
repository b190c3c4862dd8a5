"""A knowledge base's synonyms: groups of words, each of which is looked for where another is."""

from __future__ import annotations

import json
from collections.abc import Iterable

from app.errors import InvalidRequest

MOST_GROUPS = 1_000
MOST_WORDS = 20  # of a group
LONGEST = 100  # characters of a word, or of several that belong together

Synonyms = tuple[tuple[str, ...], ...]


def checked_synonyms(groups: Iterable[Iterable[str]]) -> Synonyms:
    """The groups with single spaces, each word once, in their order; empty groups left out.

    Raises:
        InvalidRequest: a group of one word, or too much of anything.
    """
    found = [tuple(dict.fromkeys(filter(None, map(_plain, group)))) for group in groups]
    found = [group for group in found if group]
    if len(found) > MOST_GROUPS:
        raise InvalidRequest(
            f"These are {len(found):,} groups of synonyms; a knowledge base has {MOST_GROUPS:,} at "
            "most."
        )
    for group in found:
        if len(group) == 1:
            raise InvalidRequest(
                f"“{group[0][:LONGEST]}” stands alone.",
                remedy="Give each group two words at least, with commas between them.",
            )
        if len(group) > MOST_WORDS or any(len(word) > LONGEST for word in group):
            raise InvalidRequest(
                f"The group that begins with “{group[0][:LONGEST]}” is too long.",
                remedy=f"Give it at most {MOST_WORDS} words of {LONGEST} characters.",
            )
    return tuple(found)


def _plain(word: str) -> str:
    return " ".join(word.replace("\0", " ").split())


def dump(synonyms: Synonyms) -> str | None:
    return json.dumps(synonyms, ensure_ascii=False) if synonyms else None


def load(dumped: str | None) -> Synonyms:
    return tuple(tuple(group) for group in json.loads(dumped)) if dumped else ()
