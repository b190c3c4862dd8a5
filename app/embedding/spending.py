"""What tokens are spent for: said by whoever spends them, noted where a provider is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class Tally:
    """Adds up the tokens of the requests that a model's provider has answered."""

    tokens: int = 0


@dataclass(frozen=True)
class Purpose:
    """Whose tokens they are; 0 stands for no knowledge base.

    `documents` has the document of each text, where there is one. `bulk` is work that nobody waits
    for, and that a budget may stop. `tally` is where whoever spends them finds how many they were.
    """

    knowledge_base_id: int = 0
    documents: Mapping[str, int] = field(default_factory=dict)
    bulk: bool = False
    tally: Tally = field(default_factory=Tally, compare=False)


_purpose: ContextVar[Purpose | None] = ContextVar("purpose", default=None)


def purpose() -> Purpose:
    """What this thread spends tokens for now."""
    return _purpose.get() or Purpose()


@contextmanager
def spending_on(what: Purpose) -> Iterator[None]:
    """Let what is embedded inside be counted so. pytidb embeds by itself, and passes nothing on."""
    token = _purpose.set(what)
    try:
        yield
    finally:
        _purpose.reset(token)


class Meter(Protocol):
    """Counts what a model's provider is asked for."""

    def spending(self, tokens: Mapping[int, int]) -> AbstractContextManager[None]:
        """Around one request, of so many tokens by document (0: none); one that fails is free.

        Raises:
            BudgetSpent: the work is bulk work, and the request would cost more than is left.
        """
        ...


class Unmetered:
    """Counts nothing: the model runs on this machine, or nobody shares a TiDB."""

    def spending(self, tokens: Mapping[int, int]) -> AbstractContextManager[None]:  # noqa: ARG002 - the protocol's
        return nullcontext()
