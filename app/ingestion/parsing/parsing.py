"""Documents → texts, in a few processes that parse one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from app.errors import UnreadableDocument
from app.ingestion.parsers.ocr import RecognitionNeeded
from app.ingestion.parsers.parser import Parsed
from app.ingestion.parsing.limits import RECOGNIZING, Limits
from app.ingestion.parsing.messages import Head, OutOfMemory, check, parsed_from
from app.ingestion.parsing.process import (
    ParsingProcess,
    ParsingStopped,
    ProcessCrashed,
    ProcessRetired,
    TookTooLong,
)

__all__ = ["Parsing", "ParsingStopped"]

PROCESSES = 2  # as many as a worker has threads
_SPLIT = "Split the document, or save it anew from its own program, and upload that."


def _wanted() -> bool:
    return False


class ParserBroken(UnreadableDocument):
    """The document broke the limits, or its parser."""


@dataclass
class Parsing:
    """Parses within `limits`; a document that breaks them, or its parser, fails alone.

    Every document goes this way, plain text too: a process that is there costs a fifth of a
    millisecond a document, and whether a text is plain is a parser's question already. Processes
    are begun when they are first needed, and end by themselves when they have nothing to do.
    """

    limits: Limits = field(default_factory=Limits)
    parse_function: str = "app.ingestion.parsers.registry:parse_without_recognition"
    _places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(PROCESSES))
    _idle: list[ParsingProcess] = field(default_factory=list)

    def parse(self, data: bytes, name: str, unwanted: Callable[[], bool] = _wanted) -> Parsed:
        """The text in `data`, as `registry.parse` gives it; to be called from any thread.

        Raises:
            UnreadableDocument: or one of its kinds, as the parser says; or the document took too
                long, too much memory, gave too much text, or crashed the parser.
            ParsingStopped: `unwanted` became true meanwhile.
            ParserUnavailable: no process can be begun.
        """
        try:
            return parsed_from(*self.ask(data, name, unwanted))
        except RecognitionNeeded:
            return self._parse_with_pictures(data, name, unwanted)

    def _parse_with_pictures(self, data: bytes, name: str, unwanted: Callable[[], bool]) -> Parsed:
        """Where a picture breaks the limits or the parser, the rest is read, and tells of it."""
        try:
            return self._recognizing.parse(data, name, unwanted)
        except ParserBroken as broken:
            try:
                return self._without_pictures.parse(data, name, unwanted)
            except UnreadableDocument:
                raise broken from None  # nothing is left without its pictures

    @cached_property
    def _recognizing(self) -> Parsing:
        """Processes apart: what one picture may cost is no measure for other documents."""
        return Parsing(RECOGNIZING, "app.ingestion.parsers.registry:parse")

    @cached_property
    def _without_pictures(self) -> Parsing:
        return Parsing(self.limits, "app.ingestion.parsers.registry:parse_without_pictures")

    def ask(
        self, data: bytes, told: str, unwanted: Callable[[], bool] = _wanted
    ) -> tuple[Head, bytes]:
        """What the process's function makes of `data`; `told` is all else that it is given.

        Raises:
            UnreadableDocument, ParsingStopped, ParserUnavailable: as `parse`.
        """
        with self._places:
            while True:
                process = self._take(unwanted)
                try:
                    reply = process.ask(data, told, unwanted)
                    check(reply[0])
                except ProcessRetired:
                    process.end()
                    continue  # before it took this document: another will
                except (UnreadableDocument, RecognitionNeeded):
                    self._idle.append(process)
                    raise
                except (TookTooLong, OutOfMemory, ProcessCrashed) as fault:
                    process.end()
                    raise self._refusal(fault, len(data)) from fault
                except BaseException:
                    process.end()
                    raise
                self._idle.append(process)
                return reply

    def close(self) -> None:
        """End the processes that are idle; those at work end when their document is done."""
        while self._idle:
            self._idle.pop().end()
        for apart in ("_recognizing", "_without_pictures"):
            if apart in vars(self):
                vars(self)[apart].close()

    def _take(self, unwanted: Callable[[], bool]) -> ParsingProcess:
        try:
            while True:
                process = self._idle.pop()  # atomic, and the one that was used last
                if process.alive:
                    return process
                process.end()
        except IndexError:
            return ParsingProcess.start(self.parse_function, self.limits, unwanted)

    def _refusal(self, fault: Exception, size: int) -> ParserBroken:
        if isinstance(fault, TookTooLong):
            seconds = self.limits.seconds_for(size)
            return ParserBroken(
                f"The file took longer than {seconds:,.0f} seconds to read.", remedy=_SPLIT
            )
        if isinstance(fault, OutOfMemory):
            megabytes = self.limits.memory_megabytes
            return ParserBroken(
                f"The file needed more than {megabytes:,} MB of memory to read.", remedy=_SPLIT
            )
        return ParserBroken("The file crashed the parser; it may be damaged.")
