"""What each sentence of a written answer rests on: the cited passages, and the quote in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.answering.answer import AnswerSentence, Citation, Quote
from app.answering.drafts import DraftSentence
from app.answering.lexical import Lexicon, question_terms
from app.answering.sentences import sentence_spans
from app.embedding import Embedder
from app.retrieval.passage import Passage

CLEAR = 0.5
"""The share of a sentence's words, weighed by rarity, that makes a quote certain by itself."""


@dataclass(frozen=True)
class Citer:
    """A sentence and its markers → the sentence tied to quotes from the passages that it cites."""

    embedder: Embedder

    def cite(self, draft: DraftSentence, passages: Sequence[Passage]) -> AnswerSentence:
        """Marker `n` leads to `passages[n - 1]`; one that leads nowhere is kept as `missing`.

        Raises:
            ProviderError: the embedding model's provider refused.
        """
        citations: list[Citation] = []
        missing: list[int] = []
        for at, number in dict.fromkeys(draft.marks):
            if not 1 <= number <= len(passages):
                missing.append(number)
            elif all(number != citation.number for citation in citations):
                passage = passages[number - 1]
                citations.append(Citation(number, passage, self.quote(draft.text, passage), at))
        return AnswerSentence(
            text=draft.text,
            citations=tuple(citations),
            gap=draft.gap,
            missing=tuple(dict.fromkeys(missing)),
        )

    def quote(self, claim: str, passage: Passage) -> Quote:
        """The sentence of `passage` that bears most on `claim`.

        Words decide where they are clear; a claim in other words or another language is compared by
        its vector, in one request.
        """
        spans = sentence_spans(passage.text)
        if not spans:
            return quote_of(passage, 0, len(passage.text))
        texts = [passage.text[start:end] for start, end in spans]
        scores = Lexicon.of(texts).coverage(question_terms(claim))
        if scores.max() < CLEAR and len(texts) > 1:
            claimed, *vectors = np.array(self.embedder.embed_documents([claim, *texts]))
            scores = scores + np.array(vectors) @ claimed
        return quote_of(passage, *spans[int(scores.argmax())])


def quote_of(passage: Passage, start: int, end: int) -> Quote:
    """The quote of `passage.text[start:end]`, with its offsets into the revision."""
    return Quote(
        passage.document_id,
        passage.revision_id,
        passage.start + start,
        passage.start + end,
        passage.text[start:end],
    )
