"""Quotes: stretches of a passage, with their offsets into the revision that it is of."""

from __future__ import annotations

from app.answering.answer import Quote
from app.retrieval.passage import Passage


def quote_of(passage: Passage, start: int, end: int) -> Quote:
    """The quote of `passage.text[start:end]`, with its offsets into the revision."""
    return Quote(
        passage.document_id,
        passage.revision_id,
        passage.start + start,
        passage.start + end,
        passage.text[start:end],
    )
