"""What writes answers: messages → text, piece by piece."""

from __future__ import annotations

import logging
from collections import abc
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from app.answering.answer import Piece
from app.answering.prompt import Message
from app.errors import ProviderError

log = logging.getLogger(__name__)


class Generator(Protocol):
    """A chat model."""

    @property
    def model(self) -> str:
        """Its name as in `TIDEMARK_CHAT_MODEL`."""
        ...

    def stream(self, messages: Sequence[Message]) -> abc.Generator[Piece, None, None]:
        """The reply, piece by piece, and at its end how it ended, and the tokens used where the
        provider counts them.

        Closing it stops the model. It is to be read and closed by one thread at a time.

        Raises:
            ProviderError: the provider refused, or what it sent cannot be read.
            ProviderUnavailable: it is down, slow, over its limit, or broke off; it may pass later.
        """
        ...


@dataclass(frozen=True)
class WithFallback:
    """A chat model, and another that is asked where the first has not begun to answer."""

    first: Generator
    second: Generator

    @property
    def model(self) -> str:
        return self.first.model

    def stream(self, messages: Sequence[Message]) -> abc.Generator[Piece, None, None]:
        """See `Generator.stream`; what the first has begun, the second does not finish."""
        begun = False
        try:
            with closing(self.first.stream(messages)) as pieces:
                for piece in pieces:
                    begun = begun or isinstance(piece, str)
                    yield piece
        except ProviderError as failed:
            if begun:
                raise
            log.warning("%s Asking %s instead.", failed.message, self.second.model)
        else:
            return
        with closing(self.second.stream(messages)) as pieces:
            yield from pieces


def whole_reply(generator: Generator) -> Callable[[str, str], str]:
    """Asks the model with rules and a question, and gives all that it says."""

    def ask(rules: str, question: str) -> str:
        messages = (Message("system", rules), Message("user", question))
        return "".join(piece for piece in generator.stream(messages) if isinstance(piece, str))

    return ask
