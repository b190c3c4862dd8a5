"""Texts in pieces that a model reads whole, and the vectors of pieces as those of texts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from opentelemetry.trace import Span

from app.embedding.embedder import Embedder
from app.embedding.local import BATCH_TOKENS, LocalEmbedder
from app.embedding.remote import RemoteEmbedder
from app.embedding.spending import Purpose, spending_on
from app.telemetry import model_call

Vectors = NDArray[np.float32]
Content = str | list[int]


@dataclass(frozen=True)
class Piece:
    """A stretch of a text that fits the model's window.

    `tokens` counts the text's own, without the special ones and without a prefix.
    """

    content: Content
    tokens: int


class Model(Protocol):
    """An embedding model as this API needs it: pieces of one text first, then many at once."""

    @property
    def width(self) -> int: ...

    @property
    def batch_tokens(self) -> int:
        """The most tokens in one batch, padding included."""
        ...

    def pieces(self, text: str, prefix: str) -> list[Piece]:
        """`text` in pieces, at least one; each is embedded after `prefix`."""
        ...

    def one(self, content: Content) -> Vectors:
        """Float32 `[1, width]`, at once: batches wait meanwhile."""
        ...

    def many(self, contents: Sequence[Content]) -> Vectors:
        """Float32 `[contents, width]`, after the batches that came before."""
        ...


def model_of(embedder: Embedder) -> Model:
    return LocalModel(embedder) if isinstance(embedder, LocalEmbedder) else AnyModel(bare(embedder))


@dataclass(frozen=True)
class LocalModel:
    """The local model, which is given ids: texts are tokenised once, and parted exactly."""

    embedder: LocalEmbedder
    batch_tokens: int = BATCH_TOKENS

    @property
    def width(self) -> int:
        return self.embedder.dimensions

    def pieces(self, text: str, prefix: str) -> list[Piece]:
        before, after = self.embedder.tokens.frame
        ids = self._ids(text)
        lead = self._ids(prefix) if prefix else []
        room = self.embedder.max_length - len(before) - len(after) - len(lead)
        parts = [ids[start : start + room] for start in range(0, len(ids), room)] or [ids]
        return [Piece([*before, *lead, *part, *after], len(part)) for part in parts]

    def one(self, content: Content) -> Vectors:
        with self._call(), self.embedder.gate.question():
            return self._encoded([content])

    def many(self, contents: Sequence[Content]) -> Vectors:
        with self._call(), self.embedder.gate.batch():
            return self._encoded(contents)

    def _call(self) -> AbstractContextManager[Span]:
        # Which `LocalEmbedder` does for what it is given as text.
        return model_call("embeddings", self.embedder.model, local=True)

    def _encoded(self, contents: Sequence[Content]) -> Vectors:
        return self.embedder.encoder.encode([ids for ids in contents if not isinstance(ids, str)])

    def _ids(self, text: str) -> list[int]:
        return self.embedder.tokens.ids(text.lower() if self.embedder.lowercase else text)


@dataclass(frozen=True)
class AnyModel:
    """Any other embedder, which is given texts and has no prefix of its own."""

    embedder: Embedder
    batch_tokens: int = 4096
    """More than the local model's, for each batch is a request to a provider."""

    @property
    def width(self) -> int:
        return self.embedder.dimensions

    def pieces(self, text: str, prefix: str) -> list[Piece]:
        tokens = self.embedder.tokens
        room = self.embedder.max_tokens - (tokens.count(prefix) if prefix else 0)
        count = tokens.count(text)
        if count <= room:
            return [Piece(prefix + text, count)]
        # The last token of a piece may be half a word, and half a word may be more tokens alone.
        ends = [end for _, end in tokens.offsets(text)]
        pieces, start, token = [], 0, 0
        while token < len(ends):
            last = min(token + room, len(ends))
            while last - token > 1 and tokens.count(text[start : ends[last - 1]]) > room:
                last -= 1
            end = ends[last - 1]
            pieces.append(Piece(prefix + text[start:end], last - token))
            start, token = end, last
        return pieces

    def one(self, content: Content) -> Vectors:
        return np.array([self.embedder.embed_query(str(content))], np.float32)

    def many(self, contents: Sequence[Content]) -> Vectors:
        with spending_on(Purpose(bulk=True)):
            vectors = self.embedder.embed_documents([str(content) for content in contents])
        return np.array(vectors, np.float32)


def bare(embedder: Embedder) -> Embedder:
    """The same model without its prefixes: a text without `input_type` is embedded as it is."""
    if not isinstance(embedder, RemoteEmbedder):
        return embedder
    return RemoteEmbedder(
        embedder.endpoint,
        replace(embedder.recipe, query_prefix="", document_prefix=""),
        embedder.asked_dimensions,
        sends_dimensions=embedder.sends_dimensions,
        tokens=embedder.tokens,
        retries=embedder.retries,
        pacer=embedder.pacer,
        cache=embedder.cache,
        meter=embedder.meter,
    )


def joined(vectors: Vectors, texts: Sequence[Sequence[Piece]]) -> Vectors:
    """Float32 `[texts, width]` of unit length, from the vectors of all their pieces in order.

    A text of several pieces has their average weighted by tokens, as OpenAI's cookbook embeds
    inputs over the limit: https://cookbook.openai.com/examples/embedding_long_inputs
    """
    if len(vectors) == len(texts):
        return vectors
    starts = np.cumsum([0, *(len(pieces) for pieces in texts[:-1])])
    weights = np.array([piece.tokens for pieces in texts for piece in pieces], np.float32)
    # A text of a single piece may have no tokens at all, as one of blanks has none.
    summed = np.add.reduceat(vectors * np.maximum(weights, 1)[:, None], starts, axis=0)
    unit: Vectors = summed / np.linalg.norm(summed, axis=1, keepdims=True)
    return unit
