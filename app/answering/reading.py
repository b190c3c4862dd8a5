"""A chat model's stream, read by a thread of its own, so that other news need not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from app.answering.answer import Piece
from app.answering.generator import Generator
from app.answering.prompt import Message
from app.telemetry import in_this_context

STOP_LOOKED_EVERY = 0.5  # seconds between two looks whether a silent model is to be stopped
CLOSING = 1.0
"""Seconds that whoever stops a model waits for it; one that says nothing ends by its time-out."""


@dataclass
class Reading:
    """What a model writes, and news of other threads, in the order in which they come."""

    generator: Generator
    _news: SimpleQueue[Piece | BaseException | None] = field(default_factory=SimpleQueue)
    _left: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def wake(self) -> None:
        """Let `pieces` give a None; any thread may."""
        self._news.put(None)

    def pieces(
        self, messages: Sequence[Message], stopping: Callable[[], bool]
    ) -> Iterator[Piece | None]:
        """The model's pieces, and None where there is other news; ends once `stopping` says so.

        Raises:
            ProviderError: as `Generator.stream`.
        """
        self._thread = threading.Thread(
            target=in_this_context(self._read), args=(messages,), name="chat", daemon=True
        )
        self._thread.start()
        while not stopping():
            try:
                news = self._news.get(timeout=STOP_LOOKED_EVERY)
            except Empty:
                continue
            if isinstance(news, _Ended):
                return
            if isinstance(news, BaseException):
                raise news
            yield news

    def close(self) -> None:
        """Stop the model."""
        self._left.set()
        if self._thread is not None:
            self._thread.join(CLOSING)

    def _read(self, messages: Sequence[Message]) -> None:
        end: BaseException = _Ended()
        try:
            with closing(self.generator.stream(messages)) as stream:
                for piece in stream:
                    self._news.put(piece)
                    if self._left.is_set():
                        break
        except BaseException as failed:  # noqa: BLE001 - it is raised where the pieces are read
            end = failed
        self._news.put(end)


class _Ended(BaseException):
    """The model has written all."""
