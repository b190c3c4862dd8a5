"""Stand-ins that behave plainly, for what a test must see or make fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pytidb.embeddings.base import BaseEmbeddingFunction

from app.embedding.embedder import Embedder, TokenCounter
from app.embedding.function import EmbedderFunction


@dataclass
class WatchedEmbedder:
    """A real embedder that tells what it embedded, and can be made to fail.

    `before` is called with each batch of documents first; what it raises is what the batch meets.
    """

    real: Embedder
    embedded: list[str] = field(default_factory=list)
    before: Callable[[Sequence[str]], None] | None = None

    @property
    def model(self) -> str:
        return self.real.model

    @property
    def dimensions(self) -> int:
        return self.real.dimensions

    @property
    def max_tokens(self) -> int:
        return self.real.max_tokens

    @property
    def query_prefix(self) -> str:
        return self.real.query_prefix

    @property
    def document_prefix(self) -> str:
        return self.real.document_prefix

    @property
    def tokens(self) -> TokenCounter:
        return self.real.tokens

    @cached_property
    def function(self) -> BaseEmbeddingFunction:
        return EmbedderFunction(self)

    def embed_query(self, text: str) -> list[float]:
        return self.real.embed_query(text)

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        if self.before is not None:
            self.before(texts)
        vectors = self.real.embed_documents(texts)
        self.embedded.extend(texts)
        return vectors
