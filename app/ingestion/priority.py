"""Processors: who is asked by a person goes before what works in the background."""

from __future__ import annotations

import os
import sys
from pathlib import Path

NICE = 10
"""A process of the usual priority then gets about nine times as much of a busy processor."""


def give_way() -> None:
    """Leave the processors to other processes whenever these want them, with all threads there are.

    For a process that does nothing else than work in the background. In one that serves too, a
    thread of low priority could be the one that holds Python's lock, with all others behind it.
    """
    for thread in _threads():
        try:
            nice = max(NICE, os.getpriority(os.PRIO_PROCESS, thread))
            os.setpriority(os.PRIO_PROCESS, thread, nice)
        except ProcessLookupError:  # the thread has ended
            continue


def _threads() -> list[int]:
    """On Linux each thread has its own, and begins with that of the one that begins it."""
    if sys.platform != "linux":
        return [0]
    return [int(task.name) for task in Path("/proc/self/task").iterdir()]
