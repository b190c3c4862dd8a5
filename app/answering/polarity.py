"""Whether two sentences that share their words say the opposite: negation, and pairs of opposites.

Each word that turns a sentence is tied to the words near it. It counts only where these stand in
the other sentence too, so that a "not" in a clause of its own turns nothing.
"""
# ruff: noqa: SIM905
# Lists of words read best as words.

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.answering.lexical import terms

_NEGATORS = frozenset(
    "not no never none nobody nothing neither nor without cannot hardly scarcely barely"
    " nicht kein keine keinen keinem keiner keines nie niemals ohne weder noch kaum"
    " ne pas jamais aucun aucune sans ni sin nunca jamás ningún ninguna tampoco"
    " mai nessun nessuna senza não nem sem не нет ни без никогда".split()
)
_TURNING = frozenset("failed fails fail unable refused lacks lacked lack".split())
_TURNERS = _NEGATORS | _TURNING
_NEGATED = re.compile(r"n['’]t$")  # noqa: RUF001
_UNSPACED = re.compile(r"[不没沒無无未非]")
_NOT_ONLY = re.compile(
    r"(?i)\bnot (?:only|just|merely)\b|\bno (?:longer than|more than|less than)\b"
    r"|\bnicht nur\b|\bnon seulement\b|\bno sólo\b|\bif not\b"
)
_IN_WORD = re.compile(r"(?i)\b(?:un|in|im|ir|dis|non-?)(?=\w{4})")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")  # noqa: RUF001
_REACH = 5
"""Terms after a negation that it may turn."""
_MOST = 0.6
"""The share of these that a claim has which says the same without the negation."""
_PAUSE = re.compile(r"[,;:()–—]|[.!?]\s")  # noqa: RUF001

_PAIRS = [
    pair.split("/")
    for pair in (
        "increase/decrease rise/fall rose/fell higher/lower more/fewer more/less most/least"
        " before/after first/last maximum/minimum largest/smallest longest/shortest north/south"
        " east/west northern/southern eastern/western early/late always/never won/lost win/lose"
        " accept/reject accepted/rejected allow/forbid allowed/forbidden allowed/prohibited"
        " enable/disable enabled/disabled above/below over/under open/closed up/down positive/"
        "negative success/failure succeeded/failed all/none true/false buy/sell bought/sold"
        " larger/smaller greater/smaller greater/less longer/shorter older/younger oldest/youngest"
        " highest/lowest earliest/latest inside/outside upper/lower increased/decreased"
        " increases/decreases increasing/decreasing male/female husband/wife oben/unten"
    ).split()
]
_OPPOSITES = {
    word: frozenset(other for pair in _PAIRS if word in pair for other in pair) - {word}
    for word in {word for pair in _PAIRS for word in pair}
}
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Negation:
    """A word that turns a sentence, and the terms that it may turn."""

    word: str
    reach: frozenset[str]

    def near(self, other: _Negation) -> float:
        """The share of their terms that two negations have in common; 0 if they can't pair."""
        if not self.reach or not other.reach:
            return 0.01
        return len(self.reach & other.reach) / len(self.reach | other.reach)


def opposed(claim: str, core: str, quote: str) -> str | None:
    """The words in which `claim` says the opposite of a quote; None where nothing tells that.

    `core` is the sentence of `quote` that says most of the claim: only what it denies counts
    against a claim that doesn't.
    """
    turned, given = _negations(claim), _negations(quote)
    claim_terms, quote_terms = set(terms(claim)), set(terms(quote))
    alone, _ = _unpaired(turned, given)
    _, unanswered = _unpaired(turned, _negations(core))
    for negation in alone:
        touches = not given or negation.reach & quote_terms
        if touches and not _prefixed(quote, negation.reach):
            return negation.word
    for negation in unanswered:
        # A clause that the claim leaves out may be negated as it likes.
        shared = len(negation.reach & claim_terms)
        most = shared and shared >= _MOST * len(negation.reach)
        if most and not _prefixed(claim, negation.reach):
            return negation.word
    return _opposite(claim, core)


def _unpaired(
    turned: Sequence[_Negation], given: Sequence[_Negation]
) -> tuple[list[_Negation], list[_Negation]]:
    """The negations of each side that have none to answer them on the other, the nearest first."""
    pairs = sorted(
        ((one.near(other), i, j) for i, one in enumerate(turned) for j, other in enumerate(given)),
        reverse=True,
    )
    mine, theirs = dict(enumerate(turned)), dict(enumerate(given))
    for nearness, i, j in pairs:
        if nearness > 0 and i in mine and j in theirs:
            del mine[i], theirs[j]
    return list(mine.values()), list(theirs.values())


def _prefixed(text: str, reach: frozenset[str]) -> bool:
    """Whether `text` has one of these terms with a prefix that negates it: "unable to"."""
    words = (word for word in _WORD.findall(text) if _IN_WORD.match(word))
    return any(reach.intersection(terms(_IN_WORD.sub("", word))) for word in words)


@lru_cache(maxsize=1024)  # a sentence is held against many stretches of the same passage
def _negations(text: str) -> tuple[_Negation, ...]:
    text = _NOT_ONLY.sub(" ", unicodedata.normalize("NFKC", text))
    words = list(_WORD.finditer(text))
    found = []
    for place, word in enumerate(words):
        key = word[0].casefold()
        if key not in _TURNERS and not _NEGATED.search(key):
            continue
        if text[word.end() : word.end() + 1] == "-":
            continue  # "non-revolutionary" is a word of its own
        reach = _reach(text, words, place)
        found.append(_Negation(word[0], frozenset(reach)))
    found.extend(
        _Negation(mark[0], frozenset(terms(text[mark.end() : mark.end() + 6])))
        for mark in _UNSPACED.finditer(text)
    )
    return tuple(found)


def _reach(text: str, words: list[re.Match[str]], place: int) -> list[str]:
    """The terms after the negation at `place`, up to a pause; those before it where none follow."""
    after = list[str]()
    end = words[place].end()
    for word in words[place + 1 :]:
        if _PAUSE.search(text[end : word.start()]) or word[0] in {"and", "but"}:
            break
        after.extend(_content(word[0]))
        end = word.end()
        if len(after) >= _REACH:
            break
    if after:
        return after
    return [term for word in words[max(0, place - _REACH) : place] for term in _content(word[0])]


_EMPTY = frozenset(
    "the a an of in on at to for and or by with from as it its that this be been was were is are"
    " have has had do does did will would could can should may might any all very so".split()
)


def _content(word: str) -> list[str]:
    return [] if word.casefold() in _EMPTY or len(word) == 1 else terms(word)


def _opposite(claim: str, quote: str) -> str | None:
    mine: set[str] = {word.casefold() for word in _WORD.findall(claim)}
    theirs = {word.casefold() for word in _WORD.findall(quote)}
    for word in sorted(mine - theirs):
        if _OPPOSITES.get(word, _NONE) & theirs - mine:
            return word
    return None
