"""Whether a model can be used, told before anything depends on it: why not, how wide, how fast."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from app.embedding.embedder import Embedder
from app.embedding.remote import RemoteEmbedder
from app.errors import TidemarkError

QUESTIONS = (
    "When does the tide turn?",
    "Who keeps the light?",
    "What does a night at the pier cost?",
)
PASSAGES = tuple(f"{number} ferries left the harbour at noon." for number in range(1, 17))


@dataclass(frozen=True)
class Preflight:
    """`problem` and `remedy` are words for a person, None where the model can be used.

    `question_ms` is the median of three questions; `texts_a_second` is that of one batch of 16
    sentences.
    """

    model: str
    provider: str
    problem: str | None = None
    remedy: str = ""
    width: int = 0
    question_ms: float = 0.0
    texts_a_second: float = 0.0


def preflight(embedder: Embedder) -> Preflight:
    """Ask the model for a few vectors; it costs about 250 tokens."""
    provider = "this machine"
    if isinstance(embedder, RemoteEmbedder):
        provider = embedder.endpoint.provider.name
    try:
        embedder.embed_query(QUESTIONS[0])  # the first one connects
        took = []
        for question in QUESTIONS:
            began = time.perf_counter()
            vector = embedder.embed_query(question)
            took.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        embedder.embed_documents(PASSAGES)
        passed = time.perf_counter() - began
    except TidemarkError as error:
        return Preflight(embedder.model, provider, error.message, error.remedy)
    return Preflight(
        embedder.model,
        provider,
        width=len(vector),
        question_ms=median(took),
        texts_a_second=len(PASSAGES) / passed,
    )
