"""Locks on files, which the kernel takes back when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOOKS = 20
LOOK = 0.01  # seconds


def lock_now(path: Path) -> int | None:
    """Lock the file at `path` without waiting: its descriptor, or None if somebody holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def lock_soon(path: Path) -> int | None:
    """As `lock_now`, but outlasting those who only look: `is_locked` holds it for an instant."""
    for _ in range(LOOKS):
        descriptor = lock_now(path)
        if descriptor is not None:
            return descriptor
        time.sleep(LOOK)
    return None


def is_locked(path: Path) -> bool:
    """Whether somebody holds the file at `path`; a missing file is not held."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who ask at once don't take each other for the holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the file at `path`; `waiting` is called once if somebody else holds it first."""
    descriptor = lock_now(path)
    if descriptor is None:
        waiting()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
    try:
        yield
    finally:
        os.close(descriptor)
