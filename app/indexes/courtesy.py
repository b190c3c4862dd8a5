"""Letting people's searches go before background work of the same process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Courtesy:
    """Background work asks for its turn before each small batch, and waits while people search.

    After `patience` seconds it goes on all the same, or under searches without end it would never
    be done. While people have searched within the last `calm` seconds, `busy` is True: batches
    should be small then.
    """

    patience: float = 0.5
    calm: float = 2.0
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _searches: int = 0
    _last: float = field(default=float("-inf"), repr=False)

    @contextmanager
    def search(self) -> Iterator[None]:
        """A person's search: it never waits."""
        with self._changed:
            self._searches += 1
        try:
            yield
        finally:
            with self._changed:
                self._searches -= 1
                self._last = time.monotonic()
                self._changed.notify_all()

    @property
    def busy(self) -> bool:
        return self._searches > 0 or time.monotonic() - self._last < self.calm

    def portion(self, most: int, while_busy: int) -> int:
        """How much to do next, once it is the background's turn: little while people search."""
        self.turn()
        return while_busy if self.busy else most

    def turn(self) -> None:
        """Wait for the searches there are, for `patience` at most."""
        until = time.monotonic() + self.patience
        with self._changed:
            while self._searches and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
