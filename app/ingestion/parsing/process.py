"""A parsing process as its parent holds it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.errors import ParserUnavailable
from app.ingestion.parsing.limits import MB, Limits
from app.ingestion.parsing.messages import LARGEST_HEAD, LENGTHS, Head, packed

START_SECONDS = 300.0  # it takes half a second of a processor, which a busy machine may not have
LOOK_SECONDS = 0.2  # how often a wait looks at whether it is still wanted
MOST_READ_AT_ONCE = 1 << 20
_KEPT_OF_THE_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "TMPDIR")

Unwanted = Callable[[], bool]


class ProcessRetired(Exception):
    """The process ended by itself before it took the document."""


class ProcessCrashed(Exception):
    """The process died of the document."""


class TookTooLong(Exception):
    """The process was not done in time."""


class ParsingStopped(Exception):
    """Nobody waits for the text any longer."""


@dataclass(frozen=True)
class ParsingProcess:
    """`ask` it for one document after the other; after any exception of `ask`, `end` it."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    limits: Limits
    _end: Callable[[], object]

    @classmethod
    def start(cls, parse_function: str, limits: Limits, unwanted: Unwanted) -> ParsingProcess:
        """Begin a process that holds the parsers, and wait until it is ready.

        Raises:
            ParserUnavailable: it does not become ready.
            ParsingStopped: `unwanted` became true.
        """
        channel, theirs = socket.socketpair()
        lifeline, ours = os.pipe()
        command = [
            *(sys.executable, "-P", "-m", "app.ingestion.parsing.child"),
            *(str(lifeline), parse_function),
            *(str(limits.memory_megabytes * MB), str(limits.characters)),
            str(limits.kept_megabytes * MB),
        ]
        try:
            process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                pass_fds=[lifeline],
                env=_environment(),
                process_group=0,  # Ctrl-C is for the parent, which decides what it means
            )
        except OSError as fault:
            os.close(ours)
            channel.close()
            raise ParserUnavailable(f"The parsing process cannot be begun: {fault}.") from fault
        finally:
            os.close(lifeline)
            theirs.close()
        channel.settimeout(LOOK_SECONDS)
        holder = _Holder(process, channel, ours)
        begun = cls(process, channel, limits, holder.end)
        # So that none is left behind, whoever forgets to end it.
        weakref.finalize(begun, holder.end)
        try:
            begun._receive(_Patience.of(START_SECONDS, unwanted))
        except ParsingStopped:
            begun.end()
            raise
        except (ProcessRetired, ProcessCrashed, TookTooLong) as fault:
            begun.end()
            raise ParserUnavailable("The parsing process ended before it was ready.") from fault
        return begun

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, data: bytes, name: str, unwanted: Unwanted) -> tuple[Head, bytes]:
        """The process's reply for one document.

        Raises:
            ProcessRetired, ProcessCrashed, TookTooLong: as they say.
            ParsingStopped: `unwanted` became true.
        """
        seconds = self.limits.seconds_for(len(data))
        patience = _Patience.of(seconds * self.limits.waits, unwanted)
        self._send(packed({"name": name, "seconds": seconds}, data), patience)
        return self._receive(patience)

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._end()

    def _send(self, parts: Sequence[bytes], patience: _Patience) -> None:
        for part in parts:
            view = memoryview(part)
            while view:
                try:
                    view = view[self.channel.send(view) :]
                except TimeoutError:
                    patience.check()
                except OSError as gone:
                    raise self._death() from gone

    def _receive(self, patience: _Patience) -> tuple[Head, bytes]:
        head_length, body_length = LENGTHS.unpack(self._read(LENGTHS.size, patience))
        # UTF-8 takes up to four bytes a character.
        if head_length > LARGEST_HEAD or body_length > 4 * self.limits.characters:
            raise ProcessCrashed
        head: Head = json.loads(self._read(head_length, patience))
        return head, self._read(body_length, patience)

    def _read(self, count: int, patience: _Patience) -> bytes:
        received = bytearray()
        while len(received) < count:
            try:
                part = self.channel.recv(min(count - len(received), MOST_READ_AT_ONCE))
            except TimeoutError:
                patience.check()
                continue
            except OSError as gone:
                raise self._death() from gone
            if not part:
                raise self._death()
            received += part
        return bytes(received)

    def _death(self) -> Exception:
        try:
            code = self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            return ProcessCrashed()
        if code == 0:
            return ProcessRetired()
        return TookTooLong() if code == -signal.SIGXCPU else ProcessCrashed()


@dataclass(frozen=True)
class _Patience:
    until: float
    unwanted: Unwanted

    @classmethod
    def of(cls, seconds: float, unwanted: Unwanted) -> _Patience:
        return cls(time.monotonic() + seconds, unwanted)

    def check(self) -> None:
        if self.unwanted():
            raise ParsingStopped
        if time.monotonic() > self.until:
            raise TookTooLong


@dataclass
class _Holder:
    """What must be given back once."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    lifeline: int | None

    def end(self) -> None:
        if self.lifeline is None:
            return
        os.close(self.lifeline)
        self.lifeline = None
        self.process.kill()
        self.process.wait()
        self.channel.close()


def _environment() -> dict[str, str]:
    """Without keys and passwords: what reads foreign files needs to know none."""
    kept = {name: os.environ[name] for name in _KEPT_OF_THE_ENVIRONMENT if name in os.environ}
    found = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - "" is this folder
    return {**kept, "PYTHONPATH": os.pathsep.join(found), "PYTHONNOUSERSITE": "1"}
