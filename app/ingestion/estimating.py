"""What an ingest would cost, before it costs anything: files are read and counted, and no more."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from app.documents.model import KnowledgeBase
from app.documents.store import DocumentStore
from app.embedding.ledger import Ledger
from app.embedding.prices import MILLION
from app.errors import DocumentTooLarge, TidemarkError
from app.indexes.embedders import Embedders
from app.indexes.store import IndexStore
from app.ingestion.parsing import Parsing

Files = Iterable[tuple[str, Callable[[], Iterator[bytes]]]]
"""Names of documents, and what reads their bytes, in parts."""


@dataclass(frozen=True)
class Estimate:
    """`tokens` is what a model would be sent at most: texts that it had before are not sent again.

    `cost` is US dollars, None where the price is not known; `left` what today's budget has.
    """

    files: int
    unchanged: int
    unreadable: int
    tokens: int
    model: str
    cost: float | None
    left: float | None

    @property
    def suffices(self) -> bool:
        """Whether today's budget, if there is one, is enough for all of it."""
        return self.left is None or (self.cost is not None and self.cost <= self.left)


@dataclass(frozen=True)
class Estimator:
    """`price` gives US dollars for a million of a model's tokens, None where nobody knows."""

    documents: DocumentStore
    indexes: IndexStore
    embedders: Embedders
    parsing: Parsing
    ledger: Ledger
    price: Callable[[str], float | None]
    max_bytes: int

    def estimate(self, base: KnowledgeBase, files: Files) -> Estimate:
        """What ingesting `files` would cost; nothing is stored, and no provider is asked."""
        index = self.indexes.active(base.id)
        embedder = self.embedders.default if index is None else self.embedders.of(index.recipe)
        present = self.documents.newest_hashes(base.id)
        read = unchanged = unreadable = tokens = 0
        for name, parts in files:
            try:
                data = self._whole(parts())
                _, known = present.get(name, (0, ""))
                if known == hashlib.sha256(data).hexdigest():
                    unchanged += 1
                    continue
                text = self.parsing.parse(data, name).text.text
            except TidemarkError:
                unreadable += 1
                continue
            read += 1
            tokens += embedder.tokens.count(text)
        asked = self.price(embedder.model)
        cost = None if asked is None else tokens * asked / MILLION
        return Estimate(
            read, unchanged, unreadable, tokens, embedder.model, cost, self.ledger.left()
        )

    def price_of(self, base: KnowledgeBase) -> float | None:
        """US dollars for a million tokens of what is uploaded to it; 0 for a model right here."""
        index = self.indexes.active(base.id)
        return self.price(self.embedders.default.model if index is None else index.recipe.model)

    def _whole(self, parts: Iterator[bytes]) -> bytes:
        data = bytearray()
        for part in parts:
            data += part
            if len(data) > self.max_bytes:
                raise DocumentTooLarge("The file is larger than what is taken in.")
        return bytes(data)
