"""Answers without a chat model: the sentences of the documents that answer best, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.answering.answer import AnswerSentence, Citation, NothingFound, Quote
from app.answering.citations import quote_of
from app.answering.floor import floor_of
from app.answering.lexical import Lexicon, Scores, question_terms, terms, words_looked_for
from app.embedding import Embedder
from app.retrieval.passage import Passage
from app.retrieval.sentences import announced, sentence_spans

CANDIDATES = 16
"""Sentences that are embedded for one question. On XQuAD all fifty of ten passages find no more."""

PASSAGE_WEIGHT = 0.5
"""How much the passage's own rank adds to its sentences', whose best is 1."""

ENOUGH = 0.63
COVERAGE_WEIGHT = 0.7
"""The least *bearing* on its question of an extract: similarity + `COVERAGE_WEIGHT` times coverage.

Measured on XQuAD's English (`benchmarks/extracts.py`), 1190 questions asked of all 240 paragraphs
and of the 235 without their own topic, ten passages each: refused are 93 % of those without, 2.4 %
of those with it (3.5 % when the passages come from vectors alone). Similarity alone would refuse
79 % rightly at the same cost. The less the embedding model knows a language, the less this tells:
with MiniLM, German is refused in 80 % rightly and 6 % wrongly, Chinese in 11 % and 1.5 %.
"""

FEWEST_TERMS = 3
"""Terms of the shortest sentence that can be an answer."""

_ASKS = "?\uff1f\u061f"
_ANNOUNCES = ":\uff1a"


@dataclass(frozen=True)
class Extractor:
    """Question and passages → the few sentences that answer best, quoted and cited."""

    embedder: Embedder
    sentences: int = 3

    def extract(
        self, question: str, passages: Sequence[Passage]
    ) -> tuple[AnswerSentence, ...] | NothingFound:
        """The best sentences in reading order, citing `passages` by place; or why there are none.

        One request embeds the question, one at most `CANDIDATES` sentences.

        Raises:
            ProviderError: the embedding model's provider refused.
        """
        candidates = _candidates(passages)
        if not candidates:
            return nothing_found(question, passages)
        lexicon = Lexicon.of([candidate.quote.text for candidate in candidates])
        match = _spread(lexicon.match(terms(question)))
        rank = _spread(np.array([passage.score for passage in passages]))
        rank_of = np.array([rank[candidate.number - 1] for candidate in candidates])
        first = np.argsort(-(match + PASSAGE_WEIGHT * rank_of), kind="stable")[:CANDIDATES]

        similarity = self._similarity(question, [candidates[i].quote.text for i in first])
        coverage = lexicon.coverage(question_terms(question))[first]
        if (similarity + COVERAGE_WEIGHT * coverage).max() < ENOUGH:
            return nothing_found(question, passages)
        weight = _trust(match[first]), _trust(similarity)
        total = PASSAGE_WEIGHT * rank_of[first] + (
            weight[0] * match[first] + weight[1] * _spread(similarity)
        ) / (sum(weight) or 1.0)
        best = np.argsort(-total, kind="stable")[: self.sentences]
        return _in_reading_order([candidates[first[i]] for i in best])

    def _similarity(self, question: str, texts: Sequence[str]) -> Scores:
        """Cosines of the question and each text, from 0 for what unrelated texts have, to 1."""
        vectors = np.array(self.embedder.embed_documents(texts))
        cosines = vectors @ np.array(self.embedder.embed_query(question))
        floor = floor_of(self.embedder)
        scaled: Scores = (cosines - floor) / (1 - floor)
        return scaled


def nothing_found(question: str, passages: Sequence[Passage]) -> NothingFound:
    """The refusal to answer from `passages`, in terms of the question's own words."""
    looked_for = words_looked_for(question)
    lexicon = Lexicon.of([passage.text for passage in passages])
    missing = (w for w in looked_for if not any(map(lexicon.knows, terms(w))))
    return NothingFound(looked_for, tuple(missing), tuple(passages[:3]))


@dataclass(frozen=True)
class _Candidate:
    number: int
    passage: Passage
    quote: Quote


def _candidates(passages: Sequence[Passage]) -> list[_Candidate]:
    """The sentences that could be an answer, each once."""
    found: list[_Candidate] = []
    seen: set[str] = set()
    for number, passage in enumerate(passages, 1):
        for start, end in sentence_spans(passage.text):
            text = passage.text[start:end]
            if text in seen or not _could_answer(text):
                continue
            seen.add(text)
            found.append(_Candidate(number, passage, quote_of(passage, start, end)))
    return found


def _could_answer(text: str) -> bool:
    """Headings, questions (an FAQ's own) and scraps share a question's words and answer nothing."""
    return len(terms(text)) >= FEWEST_TERMS and not text.startswith("#") and text[-1] not in _ASKS


def _spread(scores: Scores) -> Scores:
    """Scores drawn out to 0 … 1; all 1 when they are all the same, so that none is preferred."""
    low, high = scores.min(), scores.max()
    spread: Scores = (scores - low) / (high - low) if high > low else np.ones_like(scores)
    return spread


def _trust(scores: Scores) -> float:
    """How far the best stands above the middle, as a share of the best.

    The weighting *by peak* that serves retrieval well serves here too: in a language the embedding
    model does not know, all sentences are alike to it, and the words decide.
    """
    best = float(scores.max())
    return max(0.0, (best - float(np.median(scores))) / best) if best > 0 else 0.0


def _in_reading_order(chosen: Sequence[_Candidate]) -> tuple[AnswerSentence, ...]:
    """Sentences by document, the best-ranked first, and within a document as they stand in it."""
    first_of: dict[int, int] = {}
    for candidate in sorted(chosen, key=lambda c: c.number):
        first_of.setdefault(candidate.passage.document_id, candidate.number)
    ordered = sorted(chosen, key=lambda c: (first_of[c.passage.document_id], c.quote.start))
    shown: list[AnswerSentence] = []
    said = {candidate.quote for candidate in ordered}
    for candidate in ordered:
        shown.append(_shown(candidate, candidate.quote, "\n\n" if shown else ""))
        done = candidate.quote.end
        for quote in _announced(candidate):
            between = candidate.passage.text[done - candidate.passage.start :][: quote.start - done]
            done = quote.end
            if quote not in said:
                said.add(quote)
                shown.append(_shown(candidate, quote, "\n" if "\n" in between else " "))
    return tuple(shown)


def _announced(candidate: _Candidate) -> list[Quote]:
    """What is to be read with a sentence that ends in a colon."""
    passage, quote = candidate.passage, candidate.quote
    if quote.text[-1] not in _ANNOUNCES:
        return []
    return [quote_of(passage, *span) for span in announced(passage.text, quote.end - passage.start)]


def _shown(candidate: _Candidate, quote: Quote, gap: str) -> AnswerSentence:
    cited = Citation(candidate.number, candidate.passage, quote, len(quote.text))
    return AnswerSentence(
        text=quote.text, citations=(cited,), gap=gap, verbatim=True, support="supported"
    )
