"""An embedder whose tokens are counted as one knowledge base's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytidb.embeddings.base import BaseEmbeddingFunction

from app.embedding.embedder import Embedder, TokenCounter
from app.embedding.spending import Purpose, spending_on


@dataclass(frozen=True)
class AccountedEmbedder:
    """An `Embedder` for what answers embed beside the question."""

    embedder: Embedder
    knowledge_base_id: int

    @property
    def model(self) -> str:
        return self.embedder.model

    @property
    def dimensions(self) -> int:
        return self.embedder.dimensions

    @property
    def max_tokens(self) -> int:
        return self.embedder.max_tokens

    @property
    def query_prefix(self) -> str:
        return self.embedder.query_prefix

    @property
    def document_prefix(self) -> str:
        return self.embedder.document_prefix

    @property
    def tokens(self) -> TokenCounter:
        return self.embedder.tokens

    @property
    def function(self) -> BaseEmbeddingFunction:
        return self.embedder.function

    def embed_query(self, text: str) -> list[float]:
        with spending_on(Purpose(self.knowledge_base_id)):
            return self.embedder.embed_query(text)

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        with spending_on(Purpose(self.knowledge_base_id)):
            return self.embedder.embed_documents(texts)
