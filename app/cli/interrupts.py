"""Ctrl-C and SIGTERM: the first one ends what is going on, the next ones wait for that end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from app.cli.exits import ExitCode

PATIENCE = b"Stopping already: TiDB is being left in order.\n"


@dataclass
class Interrupts:
    """The signals that ask this process to end.

    The first raises KeyboardInterrupt where the main thread is, or calls `on_first` when that is
    set. Any more are answered and not obeyed: they would break off the closing of TiDB.
    """

    received: signal.Signals | None = None
    on_first: Callable[[], None] | None = None

    def install(self) -> None:
        """Take the signals of this process, for good."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def ignore(self) -> None:
        """Let nothing more interrupt: Python lets signals kill while it clears away."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    @property
    def exit_code(self) -> ExitCode:
        """What an interrupted command exits with."""
        return ExitCode.TERMINATED if self.received is signal.SIGTERM else ExitCode.INTERRUPTED

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            # Past every lock and buffer: the signal may have come in the middle of a write.
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, PATIENCE)
            return
        self.received = signal.Signals(number)
        if self.on_first is None:
            raise KeyboardInterrupt
        self.on_first()


INTERRUPTS = Interrupts()
"""Those of this process; they do nothing until they are installed."""
