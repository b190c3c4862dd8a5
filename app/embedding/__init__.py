"""Text → vectors: one `Embedder` for the rest of Tidemark, local or behind an OpenAI-compatible endpoint."""

from app.embedding.embedder import Embedder, TokenCounter

__all__ = ["Embedder", "TokenCounter"]
