"""Where a question's words stand in a passage, for people to see at a glance."""

from __future__ import annotations

import re
from functools import lru_cache

from app.indexes.analysis import MARKS, plain, seen, stop_words

WORD = re.compile(rf"\w+(?:[{MARKS}\u00ad\u200d]+\w*)*")
ENDING = 3  # characters by which two forms of a word may differ at their ends
SHORTEST_STEM = 4
SHORTEST_WORD = 3

# Scripts that write no spaces: their words are found as stretches of the question itself.
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{2,}")


@lru_cache(maxsize=512)  # a question that is asked again finds the same passages again
def matches(question: str, text: str, language: str) -> tuple[tuple[int, int], ...]:
    """The `[start, end)` offsets of words of `text` that are the question's, or forms of them.

    Words that say nothing by themselves in `language`, the text's, are marked only if all are such.
    """
    by_stem, bigrams = _wanted(question, language)
    found = [(m.start(), m.end()) for m in WORD.finditer(text) if _is_one_of(folded(m[0]), by_stem)]
    for bigram in bigrams:
        found.extend((m.start(), m.end()) for m in re.finditer(re.escape(bigram), text))
    return _merged(found)


@lru_cache(maxsize=64)
def _wanted(question: str, language: str) -> tuple[dict[str, list[str]], frozenset[str]]:
    """The question's words by how they begin, and its pairs of neighbours in unspaced scripts."""
    asked = {folded(word) for word in WORD.findall(question)}
    wanted = {word for word in asked if len(word) >= SHORTEST_WORD or word.isdigit()}
    # "the" and its like stand everywhere: marked, they hide the words that tell something.
    stops = {plain(word) for word in stop_words().get(language, ())}
    by_stem: dict[str, list[str]] = {}
    for word in wanted - stops or wanted:
        by_stem.setdefault(word[:SHORTEST_STEM], []).append(word)
    unspaced = UNSPACED.findall(question)
    return by_stem, frozenset(run[i : i + 2] for run in unspaced for i in range(len(run) - 1))


def folded(word: str) -> str:
    """As words are compared: normalised, in lower case, without accents."""
    return word.lower() if word.isascii() else plain(seen(word).casefold())


def _is_one_of(word: str, by_stem: dict[str, list[str]]) -> bool:
    """Words that are the same begin alike: of a passage's hundreds, few are looked at closely."""
    alike = by_stem.get(word[:SHORTEST_STEM])
    return alike is not None and any(same_word(word, one) for one in alike)


def same_word(one: str, other: str) -> bool:
    """Whether two folded words are one, or forms of one."""
    if one == other:
        return True
    stem = 0
    while stem < min(len(one), len(other)) and one[stem] == other[stem]:
        stem += 1
    return stem >= SHORTEST_STEM and max(len(one), len(other)) - stem <= ENDING


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
