"""What an ingest would cost, before it costs anything: files are read and counted, and no more."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from app.cli.files import SourceFile, read_parts
from app.documents.model import KnowledgeBase
from app.embedding.prices import MILLION, price
from app.errors import TidemarkError
from app.services import Services


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


def estimated(services: Services, base: KnowledgeBase, files: Sequence[SourceFile]) -> Estimate:
    """What ingesting `files` would cost; nothing is stored, and no provider is asked."""
    index = services.indexes.active(base.id)
    embedder = services.embedder if index is None else services.ingest.embedders.of(index.recipe)
    present = services.documents.newest_hashes(base.id)
    read = unchanged = unreadable = tokens = 0
    for file in files:
        try:
            data = b"".join(read_parts(file))
            _, known = present.get(file.name, (0, ""))
            if known == hashlib.sha256(data).hexdigest():
                unchanged += 1
                continue
            text = services.ingest.parsing.parse(data, file.name).text.text
        except TidemarkError:
            unreadable += 1
            continue
        read += 1
        tokens += embedder.tokens.count(text)
    asked = price(embedder.model, services.settings)
    cost = None if asked is None else tokens * asked / MILLION
    return Estimate(
        read, unchanged, unreadable, tokens, embedder.model, cost, services.ledger.left()
    )
