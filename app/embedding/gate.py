"""Who goes first when questions and documents want the same processors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Gate:
    """Lets one batch of documents run at a time, and none begin while a question is being embedded.

    A question never waits: it runs at once, at most beside the batch that had begun already. Under
    questions without end a batch goes through after `patience` seconds all the same, or an ingest
    would never be done.
    """

    patience: float = 0.5
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _questions: int = 0

    @contextmanager
    def question(self) -> Iterator[None]:
        """Run a question now; batches that have not begun hold back until it is done."""
        with self._changed:
            self._questions += 1
        try:
            yield
        finally:
            with self._changed:
                self._questions -= 1
                self._changed.notify_all()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Wait for the batch before this one, and for the questions there are, then run."""
        with self._turn:
            until = time.monotonic() + self.patience
            with self._changed:
                while self._questions and (left := until - time.monotonic()) > 0:
                    self._changed.wait(left)
            yield
