"""What else to look for: the synonyms of the words that stand in a question."""

from __future__ import annotations

from collections.abc import Iterable

from app.documents.synonyms import Synonyms
from app.retrieval.matches import UNSPACED, WORD, folded, same_word


def related(question: str, synonyms: Synonyms) -> tuple[str, ...]:
    """The synonyms of what the question has, in any form of the word, that it does not have."""
    if not synonyms:
        return ()
    whole = folded(question)
    words = WORD.findall(whole)
    found: list[str] = []
    for group in synonyms:
        there = [one for one in group if _stands(folded(one), whole, words)]
        if there:
            found += (one for one in group if one not in there)
    return tuple(dict.fromkeys(found))


def _stands(term: str, whole: str, words: list[str]) -> bool:
    if UNSPACED.search(term):
        return term in whole
    wanted = WORD.findall(term)
    if not wanted:
        return False
    windows: Iterable[list[str]] = (
        words[at : at + len(wanted)] for at in range(len(words) - len(wanted) + 1)
    )
    return any(all(map(same_word, wanted, window)) for window in windows)
