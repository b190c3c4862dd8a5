"""The names in a sentence: of people, places and things, and words made of capitals or figures."""
# ruff: noqa: SIM905
# Lists of words read best as words.

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from app.answering.lexical import ASKING

_TOKEN = re.compile(r"[^\W_]+(?:[-'’.&/][^\W_]+)*")  # noqa: RUF001
_PIECE = re.compile(r"[^\W_]+")
_OPENS = re.compile(r"(?:^|[.!?:;…]['\"”»)]*\s+|[-*•\"“„«(]\s*|\n\s*)$")
_STEM = 5
"""Characters that two forms of a name share: Norman and Normandy, German and Germany."""

# Words that begin sentences with a capital and name nothing, beside those that questions ask with.
_COMMON = ASKING | frozenset(
    "he she they we you his her their our after before when while although though however because"
    " since if then also both each every some any many most few several other another such these"
    " those here there now today later during under over between among against within without"
    " despite according following based not no yes only even just still yet thus therefore hence"
    " moreover furthermore additionally finally first second third one two three four five six"
    " seven eight nine ten more less about around nearly almost once until unlike instead"
    " passage passages document documents source sources note example answer question"
    " il elle ils elles nous vous on ce cette ces mais ou donc car si avec sans pour par sur"
    " él ella ellos se su sus pero si con sin para sobre desde hasta según"
    " er sie wir ihr dies diese dieser dieses nach vor seit aber oder wenn weil als durch".split()
)
_MONTHS_AND_DAYS = frozenset(
    "january february march april may june july august september october november december monday"
    " tuesday wednesday thursday friday saturday sunday".split()
)
_CAPITALISES_NOUNS = frozenset({"de", "lb"})


@dataclass(frozen=True)
class Name:
    """A name as it is written; `[start, end)` are its offsets in the sentence.

    `weak` is a single word that begins a sentence, and may be no name.
    """

    text: str
    start: int
    end: int
    weak: bool = False

    @property
    def pieces(self) -> list[str]:
        return [folded(piece) for piece in _PIECE.findall(_bare(self.text))]


def names(text: str, language: str, known: Collection[str]) -> list[Name]:
    """The names of `text`; `known` are the words, folded, that stand small in what was read.

    A capital after a full stop tells nothing: such a word is a name where nothing that was read
    knows it as another word. German nouns all have capitals: only words of capitals or figures,
    and capitals in a row without an article's case to explain them, are taken for names there.
    """
    found: list[Name] = []
    for token in _TOKEN.finditer(text):
        word = token[0]
        if not _may_name(text, token.start(), word, language, known):
            continue
        bare = _bare(word)
        weak = not bare.isupper() and _opens(text, token.start())
        name = Name(bare, token.start(), token.start() + len(bare), weak)
        if found and text[found[-1].end : name.start] == " ":
            name = Name(text[found[-1].start : name.end], found.pop().start, name.end)
        found.append(name)
    return found


def _may_name(text: str, start: int, word: str, language: str, known: Collection[str]) -> bool:
    bare = _bare(word)
    key = folded(bare)
    if len(bare) < 2 or bare.isdigit() or key in _MONTHS_AND_DAYS:  # noqa: PLR2004
        return False
    if bare.isupper() or (any(c.isdigit() for c in bare) and any(c.isupper() for c in bare)):
        return key not in _COMMON
    if not bare[0].isupper() or language in _CAPITALISES_NOUNS:
        return False
    if not _opens(text, start):
        return key not in _COMMON or key in {"may", "march"}
    return key not in _COMMON and key not in known and not bare.endswith("ly")


def _opens(text: str, start: int) -> bool:
    return _OPENS.search(text[max(0, start - 12) : start]) is not None


def _bare(word: str) -> str:
    return re.sub(r"['’]s?$", "", word)  # noqa: RUF001


def folded(word: str) -> str:
    """A word without case, accents and width."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def small_words(text: str) -> set[str]:
    """The words of `text` that stand small, folded."""
    return {folded(word) for word in _PIECE.findall(text) if word[:1].islower()}


@dataclass(frozen=True)
class NameBook:
    """The words of a text, to look names up in."""

    words: frozenset[str]
    stems: frozenset[str]
    initials: frozenset[str]
    """The first letters of each run of two to six words with capitals: nfl."""
    text: str

    @classmethod
    def of(cls, text: str) -> NameBook:
        pieces = _PIECE.findall(text)
        words = frozenset(folded(piece) for piece in pieces)
        stems = frozenset(w[:_STEM] for p in pieces if len(w := folded(p)) >= _STEM)
        capitals = [p for p in pieces if p[:1].isupper()]
        initials = {
            "".join(folded(c[0]) for c in capitals[i : i + n])
            for n in range(2, 7)
            for i in range(len(capitals) - n + 1)
        }
        return cls(words, stems, frozenset(initials), "".join(folded(text).split()))

    def has(self, name: Name) -> bool:
        """Whether every word of the name is there, in some form."""
        return all(self._has_piece(piece) for piece in name.pieces) or (
            len(name.text) > 3 and "".join(folded(name.text).split()) in self.text  # noqa: PLR2004
        )

    def spells_out(self, name: Name) -> bool:
        """Whether the name is the initials of words that are there, or the other way round."""
        pieces = name.pieces
        if len(pieces) == 1 and name.text.isupper():
            return pieces[0] in self.initials
        return len(pieces) > 1 and "".join(piece[0] for piece in pieces) in self.words

    def _has_piece(self, piece: str) -> bool:
        if piece in self.words or piece.rstrip("s") in self.words or piece + "s" in self.words:
            return True
        return len(piece) >= _STEM and piece[:_STEM] in self.stems
