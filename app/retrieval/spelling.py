"""Did you mean: a question with the words that no passage has put as the passages spell them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from app.indexes.analysis import PAIRED, question_terms, stop_words
from app.indexes.index import Index
from app.indexes.keyword_search import KeywordSearch
from app.indexes.vocabulary import Term, Vocabulary
from app.retrieval.passage import Query, Retrieval

SHORTEST = 4  # letters of a word that is looked at: shorter ones are like too many
LONG = 7  # letters from which a word may be two mistakes away
MOST_WORDS = 5  # of a question that are looked up
WORD = re.compile(rf"[^\W\d_{PAIRED}]+")


def has_unfound_words(retrieval: Retrieval) -> bool:
    """Whether some word of the question gave nothing to any of its passages."""
    gave = {word.casefold() for p in retrieval.passages for word in p.evidence.word_weights}
    return any(word.casefold() not in gave for word in _telling(retrieval.query.text))


def _telling(question: str) -> list[str]:
    """The words that could be misspelt: long enough, and none that says nothing by itself."""
    nothing = frozenset().union(*stop_words().values())
    words = dict.fromkeys(WORD.findall(question))
    return [word for word in words if len(word) >= SHORTEST and word.casefold() not in nothing]


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
            if known.isdisjoint(of_word) and (like := self._like(index, of_word)) is not None:
                better[word] = self.vocabulary.written(index, like)
        if not better:
            return None
        return WORD.sub(lambda found: better.get(found[0], found[0]), query.written)

    def _like(self, index: Index, terms: set[str]) -> Term | None:
        """The term that is fewest mistakes away, and of those the commonest."""
        best: tuple[int, int, str] | None = None
        found: Term | None = None
        for term in terms:
            most = 2 if len(term) >= LONG else 1
            lengths = (len(term) - most, len(term) + most)
            # A mistake in the first letter: it is another one's, or one too many.
            beginnings = dict.fromkeys((term[0], term[1]))
            for one in self.vocabulary.beginning(index, beginnings, lengths):
                away = OSA.distance(term, one.text, score_cutoff=most)
                if away <= most and (best is None or (away, -one.chunks, one.text) < best):
                    best, found = (away, -one.chunks, one.text), one
        return found
