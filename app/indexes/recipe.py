"""Recipes: what names an index."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

CHUNKER = "1"
"""The version of how text is chunked: another one gives other chunks of the same text."""


@dataclass(frozen=True)
class Recipe:
    """Embedding model, width, prefixes and chunking: all that decides what an index holds.

    `chunk_tokens` is the most tokens of the model that a chunk may have; None makes one chunk of
    each document, however long.
    """

    model: str
    dimensions: int
    query_prefix: str
    document_prefix: str
    chunk_tokens: int | None
    chunker: str = CHUNKER

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the recipe: equal recipes, and only they, have equal ones."""
        return hashlib.sha256(self.dump().encode()).hexdigest()

    def dump(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def load(cls, dumped: str) -> Recipe:
        return cls(**json.loads(dumped))
