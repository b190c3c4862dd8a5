"""A chat model whose tokens are counted as one knowledge base's."""

from __future__ import annotations

import logging
from collections import abc
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from app.answering.answer import Piece, Usage
from app.answering.generator import Generator
from app.answering.prompt import Message
from app.embedding.ledger import Ledger
from app.errors import DatabaseUnavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeteredGenerator:
    """A `Generator`, whose calls are noted as they end."""

    generator: Generator
    ledger: Ledger
    knowledge_base_id: int

    @property
    def model(self) -> str:
        return self.generator.model

    def stream(self, messages: Sequence[Message]) -> abc.Generator[Piece, None, None]:
        """See `Generator.stream`. What a provider does not count is not counted."""
        with closing(self.generator.stream(messages)) as pieces:
            for piece in pieces:
                if isinstance(piece, Usage):
                    self._note(piece)
                yield piece

    def _note(self, usage: Usage) -> None:
        tokens = {0: usage.prompt_tokens + usage.completion_tokens}
        try:
            self.ledger.note("chat", self.model, tokens, usage.cost, self.knowledge_base_id)
        except DatabaseUnavailable as away:
            log.warning("What was spent cannot be noted: %s", away.message)
