"""Recipes: what names an index."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from app.embedding.known_models import known_model

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

    def takes_vectors_of(self, other: Recipe) -> bool:
        """Whether a text's vector under `other` gives the one under this recipe.

        It is the same where model, width and documents' prefix are; and the beginning of a wider
        one, made of unit length, is that of a model trained so (Matryoshka; Kusupati et al. 2022,
        arXiv:2205.13147), as OpenAI's are.
        """
        same = (self.model, self.document_prefix) == (other.model, other.document_prefix)
        cut = self.dimensions < other.dimensions and known_model(self.model).takes_dimensions
        return same and (self.dimensions == other.dimensions or cut)

    def dump(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def load(cls, dumped: str) -> Recipe:
        return cls(**json.loads(dumped))
