"""What a parsing process is given in the tests to parse with: documents do what they say."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

from app.documents.model import ParsedText, Section
from app.ingestion.parsers import registry
from app.ingestion.parsers.parser import Parsed


def parse(data: bytes, name: str) -> Parsed:  # noqa: C901 - a case for each wickedness
    """Do what `data` asks for, or parse it."""
    match data.decode("utf-8", errors="replace").split():
        case ["loop"]:
            while True:
                pass
        case ["loop", "in", "C"]:  # which holds the interpreter all the while
            re.match(r"(?:a|a)*b", "a" * 60)
        case ["eat"]:
            _ = [bytearray(10_000_000) for _ in range(1000)]
        case ["abort"]:
            os.abort()
        case ["write", where]:
            Path(where).write_text("written")
        case ["call", port]:
            socket.create_connection(("127.0.0.1", int(port)))
        case ["long"]:
            return _parsed("word " * 1_000_000)
        case ["environment"]:
            return _parsed(" ".join(sorted(os.environ)))
        case ["process"]:
            return _parsed(str(os.getpid()))
        case ["terminate"]:
            os.kill(os.getpid(), signal.SIGTERM)
    return registry.parse(data, name)


def crash_on_pictures(_data: bytes, _name: str) -> Parsed:
    """End the process as a fault in a library's C does."""
    os.abort()


def _parsed(text: str) -> Parsed:
    return Parsed("text/plain", "hostile", "1", ParsedText(text, (Section(0, len(text)),)))
