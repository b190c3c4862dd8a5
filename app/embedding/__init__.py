"""Text → vectors: one `Embedder`, local or behind an OpenAI-compatible endpoint."""

from app.embedding.embedder import Embedder, TokenCounter
from app.embedding.making import make_embedder, warm_up

__all__ = ["Embedder", "TokenCounter", "make_embedder", "warm_up"]
