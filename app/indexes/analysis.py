"""Text → the terms that words are searched by, in any language."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import Stemmer
from py3langid import classify

LONGEST_TERM = 64  # characters: what the postings' key has room for
SAMPLE = 2_000  # characters of a text that tell its language

# Scripts whose words are not set apart by spaces, or not as a reader would: Thai, Lao, Burmese,
# Khmer, kana, Hangul, Han. Their terms are pairs of neighbours.
PAIRED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
)
# A paired run; or a word, with what may hold an identifier, a version or an address together.
TOKEN = re.compile(rf"([{PAIRED}]+)|[^\W{PAIRED}]+(?:[.@/\\:+'\u2019-]+[^\W{PAIRED}]+)*")
HELD_TOGETHER = re.compile(r"[_@/\\:]|\d\.\d|\w\.[a-z]|\d[^\W\d]|[^\W\d]\d|[a-z][A-Z]|\w-\d|\d-\w")
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
WORD = re.compile(r"[^\W_]+")

STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french",
    "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch",
    "nn": "norwegian", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""Snowball's stemmers by the language's ISO 639-1 code; other languages' words stay whole."""

_own = threading.local()  # one Snowball stemmer may not serve two threads at once


def language_of(text: str) -> str:
    """The ISO 639-1 code of the language that `text` is in, as far as its start tells."""
    code, _ = classify(text[:SAMPLE])
    return str(code)


def terms(text: str, language: str) -> list[str]:
    """The terms of `text` in their order, one for each time that one stands in it.

    A word is its stem in `language`. An identifier, version, address or path is kept whole, and its
    parts are terms too. A stretch of a script without spaces is its pairs of neighbours.
    """
    return [term for match in _tokens(text) for term in _terms_of(match, language)]


def question_terms(question: str, languages: Collection[str]) -> dict[str, str]:
    """The terms that look for `question` in texts of `languages`, each with the word it stands for.

    What language a few words are in cannot be told: each word is looked for as every language of
    the texts would have it. Stop words are left out, unless there is nothing else.
    """
    matches = list(_tokens(question))
    telling = [m for m in matches if not _says_nothing(m[0], languages)]
    return {
        term: match[0]
        for match in telling or matches
        for language in sorted(languages)
        for term in _terms_of(match, language)
    }


@dataclass(frozen=True)
class Wanted:
    """Words that a text must have, as its terms and as they are written.

    A text has them only if, of each of `terms`, it has one: the forms of a word in the languages
    looked for. Where `pattern` is given, it must match too, in any case: a regular expression in
    the dialect that Go's, Rust's and thus TiDB's engines read.
    """

    terms: tuple[frozenset[str], ...]
    pattern: str | None


def wanted(words: str, languages: Collection[str], *, exact: bool) -> Wanted:
    """What a text has that has `words`: in this order and writing if `exact`, or in any form.

    An identifier, or a script without spaces, is always taken exactly.
    """
    matches = list(_tokens(words))
    plain = not any(match[1] or HELD_TOGETHER.search(match[0]) for match in matches)
    telling = [m for m in matches if not _says_nothing(m[0], languages)] or matches
    forms = [
        frozenset(forms)
        for match in telling
        for forms in zip(*(_parts_of(match, each) for each in sorted(languages)), strict=True)
    ]
    return Wanted(tuple(forms), _pattern(words) if exact or not plain else None)


def _parts_of(match: re.Match[str], language: str) -> list[str]:
    """The terms that every text has that has the token, also as a part of a longer one."""
    if match[1]:
        return _terms_of(match, language) if len(match[0]) > 1 else []
    if HELD_TOGETHER.search(match[0]):
        return _terms_of(match, language)[1:]
    return _terms_of(match, language)


def _pattern(words: str) -> str:
    """Matches `words` whole, whatever white space stands between them."""
    parts = words.split()
    body = r"\s+".join(re.sub(r"([^\w\s])", r"\\\1", part) for part in parts)
    before, after = (
        r"(^|[^\pL\pN_])" if re.fullmatch(rf"[^\W{PAIRED}]", parts[0][0]) else "",
        r"([^\pL\pN_]|$)" if re.fullmatch(rf"[^\W{PAIRED}]", parts[-1][-1]) else "",
    )
    return before + body + after


def _tokens(text: str) -> Iterator[re.Match[str]]:
    return TOKEN.finditer(unicodedata.normalize("NFKC", text))


def _terms_of(match: re.Match[str], language: str) -> list[str]:
    token = match[0]
    if match[1]:
        return [token[i : i + 2] for i in range(len(token) - 1)] or [token]
    if HELD_TOGETHER.search(token):
        parts = [stem(part, language) for part in PART.findall(token)]
        return [token.casefold()[:LONGEST_TERM], *parts]
    return [stem(word, language) for word in WORD.findall(token)]


def _says_nothing(token: str, languages: Collection[str]) -> bool:
    folded = token.casefold()
    return any(folded in stop_words().get(language, ()) for language in languages)


@cache
def stop_words() -> dict[str, frozenset[str]]:
    """Words that say nothing by themselves, by language.

    They are left out of questions, never out of an index.
    """
    # Where scipy is installed this import takes half a second, which a start need not wait for.
    from bm25s import stopwords

    lists = {
        "da": stopwords.STOPWORDS_DANISH,
        "de": stopwords.STOPWORDS_GERMAN,
        "en": stopwords.STOPWORDS_EN_PLUS,
        "es": stopwords.STOPWORDS_SPANISH,
        "fr": stopwords.STOPWORDS_FRENCH,
        "it": stopwords.STOPWORDS_ITALIAN,
        "nl": stopwords.STOPWORDS_DUTCH,
        "no": stopwords.STOPWORDS_NORWEGIAN,
        "pt": stopwords.STOPWORDS_PORTUGUESE,
        "ru": stopwords.STOPWORDS_RUSSIAN,
        "sv": stopwords.STOPWORDS_SWEDISH,
        "tr": stopwords.STOPWORDS_TURKISH,
    }
    return {
        code: frozenset(
            word for entry in words for word in entry.casefold().replace("'", " ").split()
        )
        for code, words in lists.items()
    }


@lru_cache(maxsize=50_000)
def stem(word: str, language: str) -> str:
    """A word's term: folded, stemmed, and without the marks that people leave out in a hurry."""
    folded = word.casefold()
    name = STEMMERS.get(language)
    if name is not None:
        folded = _stemmer(name).stemWord(folded)
    if not folded.isascii():
        apart = unicodedata.normalize("NFKD", folded)
        folded = "".join(c for c in apart if not unicodedata.combining(c)) or folded
    return folded[:LONGEST_TERM]


def _stemmer(name: str) -> Stemmer.Stemmer:
    made = _own.__dict__.setdefault("stemmers", {})
    if name not in made:
        made[name] = Stemmer.Stemmer(name, 0)
    return made[name]
