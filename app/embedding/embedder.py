"""What the rest of Tidemark knows of an embedding model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pytidb.embeddings.base import BaseEmbeddingFunction


class TokenCounter(Protocol):
    """Measures text in the tokens of one embedding model."""

    def count(self, text: str) -> int:
        """Tokens in `text`, without the model's special ones."""
        ...

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """The `[start, end)` character offsets of each token of `text`, in order."""
        ...


class Embedder(Protocol):
    """An embedding model under one recipe: the same text always gives the same vector.

    Vectors are lists of `dimensions` finite Python floats of unit length, ready for a TiDB VECTOR
    column.
    """

    @property
    def model(self) -> str:
        """As in `TIDEMARK_EMBEDDING_MODEL`, with the revision or weights it is pinned to."""
        ...

    @property
    def dimensions(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """The longest text it reads, in tokens without the special ones; the rest is cut off."""
        ...

    @property
    def query_prefix(self) -> str: ...

    @property
    def document_prefix(self) -> str: ...

    @property
    def tokens(self) -> TokenCounter: ...

    @property
    def function(self) -> BaseEmbeddingFunction:
        """The model as pytidb's embedding function, for `VectorField(source_field=…)`."""
        ...

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question; never waits behind a batch of documents."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of `texts`, in their order; no request is made for an empty sequence.

        Raises:
            ProviderError: the provider refused or its reply cannot be used; the message names it.
            ModelUnavailable: a local model's files cannot be used.
        """
        ...
