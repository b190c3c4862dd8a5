"""The sentences of answers, verified beside the writing, so that no word waits for a check."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from app.answering.answer import AnswerSentence
from app.answering.drafts import DraftSentence
from app.answering.verification import Verification
from app.telemetry import in_this_context

_CHECKERS = ThreadPoolExecutor(2, "checking")
"""Shared by all answers, which take turns sentence by sentence. More threads check no faster: what
is not the embedding model holds the interpreter's lock, and would keep it from those that write."""


@dataclass
class Checks:
    """Verifies the sentences of one answer, one after the other and in their order."""

    verification: Verification
    wake: Callable[[], None]
    """Is called, in another thread, when a sentence is verified."""
    _waiting: deque[DraftSentence] = field(default_factory=deque)
    _done: deque[AnswerSentence | BaseException] = field(default_factory=deque)
    _open: int = 0
    """Sentences that were added and not taken yet."""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, draft: DraftSentence) -> None:
        """Let a sentence be verified, after those before it."""
        with self._changed:
            self._waiting.append(draft)
            self._open += 1
            if len(self._waiting) == 1:
                _CHECKERS.submit(in_this_context(self._next))

    def ready(self) -> Iterator[AnswerSentence]:
        """The sentences that are verified by now, without waiting.

        Raises:
            ProviderError: as `Verification.verify`, for the first sentence that it was raised for.
        """
        while self._done:
            yield self._take()

    def rest(self) -> Iterator[AnswerSentence]:
        """All that are left, each as soon as it is verified.

        Raises:
            ProviderError: as `ready`.
        """
        while self._open:
            with self._changed:
                self._changed.wait_for(lambda: self._done)
            yield self._take()

    def close(self) -> None:
        """Verify nothing more."""
        with self._changed:
            while len(self._waiting) > 1:  # the first is at hand
                self._waiting.pop()

    def _take(self) -> AnswerSentence:
        done = self._done.popleft()
        self._open -= 1
        if isinstance(done, BaseException):
            raise done
        return done

    def _next(self) -> None:
        done: AnswerSentence | BaseException
        try:
            done = self.verification.verify(self._waiting[0])
        except BaseException as failed:  # noqa: BLE001 - it is raised where the sentence is taken
            done = failed
        with self._changed:
            self._waiting.popleft()
            self._done.append(done)
            self._changed.notify()
            if self._waiting:
                # To the end of the queue: other answers' sentences come first.
                _CHECKERS.submit(in_this_context(self._next))
        self.wake()
