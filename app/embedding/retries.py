"""How long to go on asking a provider that cannot answer now."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from app.embedding.refusal import Refusal

T = TypeVar("T")


@dataclass(frozen=True)
class Retries:
    """`attempts` in all, with growing pauses between; what the provider asks for is honoured.

    A pause is `first` seconds, doubled each time and spread by a quarter so that workers don't come
    back all at once, or what `Retry-After` says. When that is more than `longest`, nobody waits for
    it here.
    """

    attempts: int
    first: float = 0.5
    longest: float = 60.0
    after_timeout: bool = True
    """Whether a request that took all its time already is made again."""
    sleep: Callable[[float], None] = time.sleep

    def run(self, ask: Callable[[], T]) -> T:
        """What `ask` gives, or the last `Refusal` it raised."""
        for attempt in range(1, self.attempts + 1):
            try:
                return ask()
            except Refusal as refusal:
                pause = self._pause(refusal, attempt)
                if pause is None:
                    raise
                self.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _pause(self, refusal: Refusal, attempt: int) -> float | None:
        if attempt == self.attempts or not refusal.may_pass:
            return None
        if refusal.timed_out and not self.after_timeout:
            return None
        if refusal.pause is not None:
            return refusal.pause if refusal.pause <= self.longest else None
        growing = min(self.longest, self.first * 2.0 ** (attempt - 1))
        return growing * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing


FOR_DOCUMENTS = Retries(attempts=6)
FOR_QUERIES = Retries(attempts=3, first=0.25, longest=3.0, after_timeout=False)
"""A person is waiting."""
