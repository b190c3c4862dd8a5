"""An embedder as pytidb's embedding function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import PrivateAttr
from pytidb.embeddings.base import BaseEmbeddingFunction

if TYPE_CHECKING:
    from app.embedding.embedder import Embedder

SourceType = Literal["text", "image"] | None


class EmbedderFunction(BaseEmbeddingFunction):
    """What pytidb's `VectorField` calls for a vector, made by one of our embedders.

    `use_server` is off: with it pytidb would make the column one that only TiDB Cloud Starter can
    fill.
    """

    _embedder: Embedder = PrivateAttr()

    def __init__(self, embedder: Embedder) -> None:
        super().__init__(
            provider="tidemark",
            model_name=embedder.model,
            dimensions=embedder.dimensions,
            use_server=False,
        )
        self._embedder = embedder

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> EmbedderFunction:
        return self  # schemas copy their fields' details; a loaded model is shared, not copied

    def get_query_embedding(
        self, query: str, source_type: SourceType = "text", **_: object
    ) -> list[float]:
        only_text(source_type)
        return self._embedder.embed_query(query)

    def get_source_embedding(
        self, source: str, source_type: SourceType = "text", **_: object
    ) -> list[float]:
        return self.get_source_embeddings([source], source_type)[0]

    def get_source_embeddings(
        self, sources: list[str], source_type: SourceType = "text", **_: object
    ) -> list[list[float]]:
        only_text(source_type)
        # pytidb asks even where every row has its vector.
        return self._embedder.embed_documents(sources) if sources else []


def only_text(source_type: SourceType) -> None:
    """Refuse pytidb's images."""
    if source_type != "text":
        raise ValueError(f"Tidemark embeds text, not {source_type}.")
