"""Text → the terms that words are searched by, in any language."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import Stemmer
from py3langid import classify, rank

LONGEST_TERM = 64  # characters: what the postings' key has room for
SAMPLE = 2_000  # characters of a text that tell its language
UNLIKELY = 10.0  # the logarithm of how many times likelier another language is than one ruled out

# Scripts whose words are not set apart by spaces, or not as a reader would: Thai, Lao, Burmese,
# Khmer, kana, Hangul, Han. Their terms are pairs of neighbours.
PAIRED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff"
    "\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
# What stands inside of words without being a letter to Python: vowel signs of Indic scripts,
# points of Arabic and Hebrew, accents that no letter has in it.
MARKS = "".join(
    re.escape(c)
    for c in map(chr, range(0x300, 0x10000))
    if unicodedata.category(c) in ("Mn", "Mc") and not re.match(f"[{PAIRED}]", c)
)
LETTERS = rf"[^\W{PAIRED}]+(?:[{MARKS}]+[^\W{PAIRED}]*)*"
# With what may hold an identifier, a version, an address or a number together, and what tells C++
# and C# from C.
HELD = (
    rf"{LETTERS}(?:(?:[.@/\\:+'\u2019-]+|(?<=\d),(?=\d{{3}}(?!\d))){LETTERS})*"
    r"(?:\+\+|(?<=\b[A-Za-z])\#)?"
)
# A word of letters alone, in a script that sets words apart.
ALPHABETIC = rf"[^\W\d_{PAIRED}]+(?:[{MARKS}]+[^\W\d_{PAIRED}]*)*"
SYMBOLS = "\u2600-\u27bf\U0001f300-\U0001faff"
# A word; a paired run; a symbol; or a name as .NET and .env.
TOKEN = re.compile(rf"{HELD}|([{PAIRED}]+)|([{SYMBOLS}])|(?<![\w.])\.(?=[^\W\d]){HELD}")
HELD_TOGETHER = re.compile(
    r"[_@/\\:,]|\d\.\d|\w\.[a-z]|\d[^\W\d]|[^\W\d]\d|[a-z][A-Z]|\w-\d|\d-\w|^\.|[+#]$"
)
GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,3}(?:\.\d{3})+")
PART = re.compile(rf"(?:[^\W\d_][{MARKS}]*)+|\d+")
WORD = re.compile(rf"[^\W_]+(?:[{MARKS}]+[^\W_]*)*")

# Nothing to a reader: soft hyphens, joiners, marks of direction, and the stroke that stretches
# Arabic words.
UNSEEN = re.compile("[\u00ad\u0640\u200b\u200d-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# Letters that Unicode does not take apart, as people type them who have no such key; and those of
# Persian and Arabic that are one to a reader.
PLAIN = str.maketrans(
    {
        "æ": "ae", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "ł": "l", "ø": "o", "œ": "oe",
        "þ": "th", "ی": "ي", "ى": "ي", "ک": "ك",
    }
)  # fmt: skip

STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french",
    "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch",
    "nn": "norwegian", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""Snowball's stemmers by the language's ISO 639-1 code; other languages' words stay whole."""

DOTLESS = ("az", "tr")
"""Languages in which the small letter of I has no dot."""

_own = threading.local()  # one Snowball stemmer may not serve two threads at once


def language_of(text: str) -> str:
    """The ISO 639-1 code of the language that `text` is in, as far as its start tells."""
    code, _ = classify(text[:SAMPLE])
    return str(code)


def may_be_in(text: str, language: str) -> bool:
    """Whether a few words may be in the language: only what is plainly another one is not."""
    odds = dict(rank(text[:SAMPLE]))
    return language in odds and max(odds.values()) - odds[language] <= UNLIKELY


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
    return {
        term: match[0]
        for match in _telling(list(_tokens(question)), languages)
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
    forms = [
        frozenset(forms)
        for match in _telling(matches, languages)
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
    body = r"\s+".join(re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", part) for part in parts)
    before, after = (
        r"(^|[^\pL\pN\pM_])" if re.fullmatch(rf"[^\W{PAIRED}]", parts[0][0]) else "",
        r"([^\pL\pN\pM_]|$)" if re.fullmatch(rf"[^\W{PAIRED}]|[{MARKS}]", parts[-1][-1]) else "",
    )
    return before + body + after


def _tokens(text: str) -> Iterator[re.Match[str]]:
    return TOKEN.finditer(text if text.isascii() else seen(text))


def seen(text: str) -> str:
    """What a reader sees: one spelling of each character, and none that shows nothing."""
    return UNSEEN.sub("", unicodedata.normalize("NFKC", text))


def _terms_of(match: re.Match[str], language: str) -> list[str]:
    token = match[0]
    if match[1]:
        return [token[i : i + 2] for i in range(len(token) - 1)] or [token]
    if match[2]:
        return [token]
    if HELD_TOGETHER.search(token):
        whole = re.sub(r"\D", "", token) if GROUPED.fullmatch(token) else plain(token.casefold())
        parts = [stem(part, language) for run in PART.findall(token) for part in _humps(run)]
        return [whole[:LONGEST_TERM], *parts]
    return [stem(word, language) for word in WORD.findall(token)]


def _humps(word: str) -> Iterator[str]:
    """The words of which one is made: `get`, `HTTP` and `Größe` of `getHTTPGröße`."""
    start = 0
    for i in range(1, len(word)) if not word[1:].islower() else ():
        rises = word[i].isupper() and not word[i - 1].isupper()
        ends = word[i].islower() and word[i - 1].isupper() and i - 1 > start
        if rises or ends:
            yield word[start : i - ends]
            start = i - ends
    yield word[start:]


def _telling(
    matches: Sequence[re.Match[str]], languages: Collection[str]
) -> Sequence[re.Match[str]]:
    """Those that say something; all of them, where none does.

    Where texts are in several languages, a question's stop words are those of the language that it
    is likeliest in, and of each in which it has two: "world war" is not German for its "war".
    """
    silent = {each: stop_words()[each] for each in languages if each in stop_words()}
    if len(silent) > 1:
        words = [match[0].casefold() for match in matches]
        odds = dict(rank(" ".join(words)))
        likeliest = max(silent, key=lambda each: odds[each])
        silent = {
            each: stops
            for each, stops in silent.items()
            if each == likeliest or sum(word in stops for word in words) > 1
        }
    stops = frozenset[str]().union(*silent.values())
    return [match for match in matches if match[0].casefold() not in stops] or matches


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
    if language in DOTLESS:
        word = word.replace("I", "\u0131").replace("\u0130", "i")
    folded = word.casefold()
    name = STEMMERS.get(language)
    if name is not None:
        folded = _stemmer(name).stemWord(folded)
    return plain(folded)[:LONGEST_TERM]


def plain(folded: str) -> str:
    """A folded word without its marks, and with the letters that every keyboard has."""
    if folded.isascii():
        return folded
    apart = unicodedata.normalize("NFKD", folded)
    return "".join(c for c in apart if not unicodedata.combining(c)).translate(PLAIN) or folded


def _stemmer(name: str) -> Stemmer.Stemmer:
    made = _own.__dict__.setdefault("stemmers", {})
    if name not in made:
        made[name] = Stemmer.Stemmer(name, 0)
    return made[name]
