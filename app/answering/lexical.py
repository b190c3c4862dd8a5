"""How well a few sentences match a question by their words: BM25, and how much of it they cover."""
# ruff: noqa: SIM905
# Lists of words read best as words.

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.indexes.analysis import MARKS

Scores = NDArray[np.float64]

STEM = 6
"""Characters of a word that count, without a plural's s: a stemmer for every language.

On XQuAD's English it does as well as a list of suffixes, and better than whole words or 4, 5 or 7.
"""

# BM25's constants. Sentences vary little in length, so its penalty is low (.3 beats .75).
_K1, _B = 1.2, 0.3

# Scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_LETTERS = rf"[^\W{_UNSPACED}]"
_WORD = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|{_LETTERS}+(?:[{MARKS}]+{_LETTERS}*)*")
# Of Hebrew and Arabic, where few write them.
_POINTS = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670]"
)
_PLURAL = re.compile(r"(\w{2,}[^\Ws])s")

# What a question asks with, not what it asks for.
ASKING = frozenset(
    "what which who whom whose when where why how much many is are was were be do does did can"
    " could should would will has have had the a an of in on to for and or by with from at as it"
    " its that this there i we you my our me tell about please"
    " wer was wann wo wie warum wieso welche welcher welches welchen wem wen wessen ist sind war"
    " waren wird wurde wurden hat haben der die das den dem des ein eine einer eines einem einen"
    " und oder im in am an auf zu von mit für bei es"
    " que qui quoi quand où comment pourquoi quel quelle quels quelles est sont le la les un une"
    " des de du et à en qué quién cuándo dónde cómo cuál cuáles por es son el los las una y".split()
)


def terms(text: str) -> list[str]:
    """The terms of `text`: cut words, and pairs of neighbours where a script has no spaces."""
    found = []
    folded = _POINTS.sub("", unicodedata.normalize("NFKC", text).casefold())
    for word in _WORD.finditer(folded):
        if word["unspaced"]:
            found.extend([a + b for a, b in zip(word[0], word[0][1:], strict=False)] or [word[0]])
        else:
            plural = _PLURAL.fullmatch(word[0])
            found.append((plural[1] if plural else word[0])[:STEM])
    return found


def words_looked_for(question: str) -> tuple[str, ...]:
    """The words of a question that say what it is about, as they are written, each once."""
    words = dict.fromkeys(word[0] for word in _WORD.finditer(question))
    return tuple(word for word in words if word.casefold() not in ASKING)


def question_terms(question: str) -> list[str]:
    """The terms of what a question is about; all of its terms when it only has asking words."""
    about = [term for word in words_looked_for(question) for term in terms(word)]
    return about or terms(question)


@dataclass(frozen=True)
class Lexicon:
    """The terms of a few texts, and how rare each is among them."""

    texts: tuple[Counter[str], ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Lexicon:
        return cls(tuple(Counter(terms(text)) for text in texts))

    def rarity(self, term: str) -> float:
        """BM25's inverse document frequency, in nats; never negative, highest for unknown terms."""
        count = sum(term in text for text in self.texts)
        return math.log(1 + (len(self.texts) - count + 0.5) / (count + 0.5))

    def knows(self, term: str) -> bool:
        return any(term in text for text in self.texts)

    def match(self, wanted: Sequence[str]) -> Scores:
        """BM25 of each text for the terms `wanted` (Robertson and Zaragoza 2009, k1 1.2, b .3)."""
        lengths = np.array([text.total() for text in self.texts], dtype=np.float64)
        norm = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1.0))
        scores = np.zeros(len(self.texts))
        for term in set(wanted):
            counts = np.array([text[term] for text in self.texts], dtype=np.float64)
            if counts.any():
                scores += self.rarity(term) * counts * (_K1 + 1) / (counts + norm)
        return scores

    def coverage(self, wanted: Sequence[str]) -> Scores:
        """The share of the terms `wanted` that each text has, weighed by their rarity; 0 to 1.

        One is added to each rarity, so that among few texts, which may all have a term, the term
        still counts.
        """
        weights = {term: 1 + self.rarity(term) for term in set(wanted)}
        total = sum(weights.values()) or 1.0
        return np.array(
            [sum(weights[t] for t in weights if t in text) / total for text in self.texts]
        )
