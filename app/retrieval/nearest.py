"""The sentence of each passage that is nearest to the question in meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app.embedding.embedder import Embedder
from app.retrieval.passage import NearestSentence, Passage
from app.retrieval.sentences import Span, sentence_spans

MOST_SENTENCES = 40
"""Of a passage: each costs what a short text costs to embed."""


def with_nearest(embedder: Embedder, question: str, passages: Sequence[Passage]) -> list[Passage]:
    """The passages, each with its nearest sentence as evidence.

    Raises:
        ProviderError, ModelUnavailable: as the embedder.
    """
    vector, texts = embedder.embed_query(question), [passage.text for passage in passages]
    return [
        replace(passage, evidence=replace(passage.evidence, nearest=nearest))
        for passage, nearest in zip(
            passages, nearest_sentences(embedder, vector, texts), strict=True
        )
    ]


def nearest_sentences(
    embedder: Embedder, vector: Sequence[float], texts: Sequence[str]
) -> list[NearestSentence | None]:
    """The sentence of each text nearest to `vector`, a question's; None of a text without any.

    All are embedded at once.
    """
    spans = [_spans(text) for text in texts]
    sentences = [text[s:e] for text, of_text in zip(texts, spans, strict=True) for s, e in of_text]
    if not sentences:
        return [None for _ in texts]
    distinct = list(dict.fromkeys(sentences))
    vectors = np.array(embedder.embed_documents(distinct))
    cosines = dict(zip(distinct, vectors @ np.array(vector), strict=True))
    found = []
    for text, of_text in zip(texts, spans, strict=True):
        near = [NearestSentence(s, e, float(cosines[text[s:e]])) for s, e in of_text]
        found.append(max(near, key=lambda one: one.similarity, default=None))
    return found


def _spans(text: str) -> list[Span]:
    spans = sentence_spans(text)
    # A heading says what the text is about in fewer words, and so is often the nearest.
    return ([span for span in spans if not text.startswith("#", span[0])] or spans)[:MOST_SENTENCES]
