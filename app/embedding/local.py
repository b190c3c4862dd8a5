"""The embedder that runs on this machine's own processors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pytidb.embeddings.base import BaseEmbeddingFunction

from app.embedding.encoder import Encoder
from app.embedding.function import EmbedderFunction
from app.embedding.gate import Gate
from app.embedding.tokens import LocalTokens
from app.embedding.vectors import plain
from app.telemetry import model_call

BATCH_TOKENS = 512
"""Tokens in one batch, padding included. Larger ones are no faster (58 texts/s at 512, 57 at 1024,
53 at 2048), take more memory, and are longer in a question's way."""


@dataclass(frozen=True)
class LocalEmbedder:
    """An `Embedder` on onnxruntime."""

    model: str
    encoder: Encoder
    tokens: LocalTokens
    max_length: int
    """The longest input in tokens, special ones and prefix included."""
    query_prefix: str = ""
    document_prefix: str = ""
    lowercase: bool = False
    gate: Gate = field(default_factory=Gate)

    @property
    def dimensions(self) -> int:
        return self.encoder.width

    @cached_property
    def max_tokens(self) -> int:
        """The longest text it reads: its length less special tokens and the longer prefix."""
        prefixes = (self.query_prefix, self.document_prefix)
        return self._room - max(self.tokens.count(prefix) for prefix in prefixes)

    @cached_property
    def function(self) -> BaseEmbeddingFunction:
        return EmbedderFunction(self)

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, at once: batches of documents wait meanwhile."""
        ids = self._ids(self.query_prefix + text)
        with model_call("embeddings", self.model, local=True), self.gate.question():
            return plain(self.encoder.encode([ids]))[0]

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of `texts`, in their order.

        They are run sorted by length in batches of `BATCH_TOKENS`: padding is what costs.
        """
        ids = [self._ids(self.document_prefix + text) for text in texts]
        vectors: list[list[float]] = [[] for _ in ids]
        with model_call("embeddings", self.model, local=True):
            for rows in _batches([len(text) for text in ids]):
                with self.gate.batch():
                    batch = self.encoder.encode([ids[row] for row in rows])
                for row, vector in zip(rows, plain(batch), strict=True):
                    vectors[row] = vector
        return vectors

    @cached_property
    def _room(self) -> int:
        before, after = self.tokens.frame
        return self.max_length - len(before) - len(after)

    def _ids(self, text: str) -> list[int]:
        before, after = self.tokens.frame
        read = self.tokens.ids(text.lower() if self.lowercase else text)
        return [*before, *read[: self._room], *after]


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows from the longest text down, as many at a time as fill `BATCH_TOKENS`, or one."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        size = max(1, BATCH_TOKENS // lengths[order[start]])
        yield order[start : start + size]
        start += size
