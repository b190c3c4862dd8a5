"""How alike two texts are in meaning."""

from __future__ import annotations

from app.embedding.embedder import Embedder
from app.errors import InvalidRequest

LONGEST = 20_000  # characters of each


def similarity(embedder: Embedder, one: str, other: str) -> float:
    """The cosine of the two texts' vectors, from -1 to 1; what the model cannot read is left out.

    Raises:
        InvalidRequest: one of them is empty, or too long.
        ProviderError, ModelUnavailable: they could not be embedded.
    """
    if not all(text.strip() and len(text) <= LONGEST for text in (one, other)):
        raise InvalidRequest(
            "Two texts are compared.", remedy=f"Give both, of at most {LONGEST:,} characters."
        )
    first, second = embedder.embed_documents([one, other])
    return max(-1.0, min(1.0, sum(a * b for a, b in zip(first, second, strict=True))))
