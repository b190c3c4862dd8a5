"""What a cluster of documents is called: the words that set it apart from the others."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.indexes.analysis import ALPHABETIC, PAIRED, stem, stop_words
from app.indexes.document_vectors import WholeDocument

WORDS = 3  # of a name
SHORTEST = 3  # letters of a word
# A word; or, in a script without spaces, a pair of neighbours at the beginning of a stretch.
WORD = re.compile(rf"[{PAIRED}]{{2}}|{ALPHABETIC}")


def names_of(documents: Sequence[WholeDocument], numbers: NDArray[np.int64]) -> list[str]:
    """A name for each cluster, by the number of each document's.

    Words count by how many documents of the cluster have them, against how many others do (as
    c-TF-IDF; Grootendorst 2022); those of titles twice.
    """
    inside: list[Counter[str]] = [Counter() for _ in range(int(numbers.max()) + 1)]
    everywhere: Counter[str] = Counter()
    written: dict[str, Counter[str]] = {}
    for document, number in zip(documents, numbers, strict=True):
        terms = _terms(document.start, document.language, written)
        in_title = _terms(document.title, document.language, written)
        inside[number].update(terms | in_title)
        inside[number].update(in_title)
        everywhere.update(terms | in_title)
    sizes = np.bincount(numbers)
    names = []
    for counts, size in zip(inside, sizes, strict=True):
        scores = {
            term: (count / size) * math.log(1 + len(documents) / everywhere[term])
            for term, count in counts.items()
        }
        best = sorted(scores, key=lambda term: (-scores[term], term))[:WORDS]
        names.append(", ".join(written[term].most_common(1)[0][0] for term in best) or "unnamed")
    return names


def _terms(text: str, language: str, written: dict[str, Counter[str]]) -> set[str]:
    """The stems of the words that tell something; how each is written is noted."""
    # In every language: a document may hold another one than its own.
    nothing = frozenset[str]().union(*stop_words().values())
    found = set()
    for word in WORD.findall(text):
        folded = word.casefold()
        paired = bool(re.match(f"[{PAIRED}]", word))
        if folded in nothing or (len(word) < SHORTEST and not paired):
            continue
        term = folded if paired else stem(word, language)
        written.setdefault(term, Counter())[folded] += 1
        found.add(term)
    return found
