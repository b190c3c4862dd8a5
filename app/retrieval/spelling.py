"""Did you mean: a question with the words that no passage has put as the passages spell them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from app.indexes.analysis import ALPHABETIC, question_terms, stop_words
from app.indexes.index import Index
from app.indexes.keyword_search import KeywordSearch
from app.indexes.vocabulary import Term, Vocabulary
from app.retrieval.passage import Retrieval
from app.retrieval.query import Query

SHORTEST = 4  # letters of a word that is looked at: shorter ones are like too many
LONG = 7  # letters from which a word may be two mistakes away
MOST_COMPARED = 8  # terms whose words are compared
MOST_WORDS = 5  # of a question that are looked up
WORD = re.compile(ALPHABETIC)


def has_unfound_words(retrieval: Retrieval) -> bool:
    """Whether some word of the question gave nothing to any of its passages."""
    gave = {word.casefold() for p in retrieval.passages for word in p.evidence.word_weights}
    return any(word.casefold() not in gave for word in _telling(retrieval.query.text))


def _telling(question: str) -> list[str]:
    """The words that could be misspelt: long enough, and none that says nothing by itself."""
    words = dict.fromkeys(WORD.findall(question))
    return [word for word in words if len(word) >= SHORTEST and not _says_nothing(word)]


def _says_nothing(word: str) -> bool:
    return any(word.casefold() in words for words in stop_words().values())


@dataclass(frozen=True)
class Speller:
    """Compares words with the terms of an index's postings, by their stems."""

    words: KeywordSearch
    vocabulary: Vocabulary

    def did_you_mean(self, index: Index, query: Query) -> str | None:
        """What was written, its unknown words as the index has them; None if nothing is better."""
        question, languages = query.text, self.words.languages(index)
        terms = {
            word: set(question_terms(word, languages)) for word in _telling(question)[:MOST_WORDS]
        }
        known = self.vocabulary.known(index, {term for each in terms.values() for term in each})
        better: dict[str, str] = {}
        for word, of_word in terms.items():
            if known.isdisjoint(of_word) and (like := self._like(index, word, of_word)):
                better[word] = like
        if not better:
            return None
        return WORD.sub(lambda found: better.get(found[0], found[0]), query.written)

    def _like(self, index: Index, word: str, terms: set[str]) -> str | None:
        """The word of the index that is fewest mistakes away, and of those the commonest."""
        most = 2 if len(word) >= LONG else 1
        loose = most + 1  # a stem may be further away than its word
        found: list[tuple[int, int, str, Term]] = []
        for term in terms:
            lengths = (len(term) - loose, len(term) + loose)
            # A mistake in the first letter: it is another one's, or one too many.
            for one in self.vocabulary.beginning(index, set(term[:2]), lengths):
                away = OSA.distance(term, one.text, score_cutoff=loose)
                if away <= loose and not _says_nothing(one.text):
                    found.append((away, -one.chunks, one.text, one))
        nearest = [one for *_, one in sorted(found, key=lambda one: one[:3])[:MOST_COMPARED]]
        like = []
        for one in nearest:
            written = self.vocabulary.written(index, one)
            # As it is written there, or without its ending.
            away = min(_away(word.casefold(), form, most) for form in (written, one.text))
            if away <= most:
                like.append((away, -one.chunks, written))
        return min(like)[-1] if like else None


def _away(word: str, other: str, most: int) -> int:
    """How many mistakes make one of the other; of short words, which are like too many but for a
    letter more or less, only of those with as many letters."""
    if len(word) <= SHORTEST and len(word) != len(other):
        return most + 1
    return int(OSA.distance(word, other))
