"""What a parsing process takes from itself before it sees the first document."""

from __future__ import annotations

import fcntl
import logging
import math
import os
import resource
import select
import signal
import sys
import warnings
from pathlib import Path

MOST_OPEN_FILES = 64  # its own few, and the modules that are imported where they are first needed
_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.chown",
    "os.truncate",
    "os.kill",
    "shutil.",
    "urllib.",
    "ftplib.",
    "smtplib.",
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def end_with_parent(lifeline: int) -> None:
    """Have the kernel end this process when nobody holds the other end of the pipe `lifeline`.

    By a signal, because a parser in a loop would never look; and not by Linux's "parent death
    signal", which comes when the *thread* ends that began the process.
    """
    # They end the parent, which ends this; a document must not fail because of them.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    if select.select([lifeline], [], [], 0)[0]:  # it was gone before the kernel was asked
        sys.exit(0)


def confine(memory: int) -> None:
    """Take away writing, the network and other programs, and all memory beyond `memory` bytes."""
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")  # what libraries say to programmers about odd files
    logging.disable()
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in (1, 2):
        os.dup2(silence, standard)
    os.close(silence)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, MOST_OPEN_FILES)
    _limit(resource.RLIMIT_AS, _address_space() + memory)
    sys.addaudithook(_refuse)


def limit_processor_time(seconds: float) -> None:
    """End this process after `seconds` more of work, should the parent be unable to."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))


def has_grown(kept: int) -> bool:
    """Whether this process holds more than `kept` bytes of memory."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > kept
    # Linux hands `ru_maxrss` on through exec: there it would be the peak of the parent.
    return int(pages) * resource.getpagesize() > kept


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    try:
        resource.setrlimit(kind, (most, most))
    except (ValueError, OSError):
        # macOS has no limit on the address space; time and output are limited there all the same.
        if sys.platform != "darwin":
            raise


def _address_space() -> int:
    """Bytes of it in use."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        return 500_000_000
    return int(pages) * resource.getpagesize()


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse what no parser needs: a second wall, behind libraries that are told not to."""
    if event == "open":
        flags = arguments[2]
        if isinstance(flags, int) and flags & _WRITING:
            raise PermissionError("A parser may not write.")
    elif event.startswith(_FORBIDDEN):
        raise PermissionError(f"A parser may not use {event}.")
