"""The parsing process: reads documents from its parent until the parent is gone.

It holds the parsers and nothing else: no settings, no database, no model, no secret of the
environment. It is begun by its own module name, never forked from a process with threads.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
from collections.abc import Callable

from app.errors import UnreadableDocument
from app.ingestion.parsers.ocr import RecognitionNeeded
from app.ingestion.parsers.parser import Parsed
from app.ingestion.parsers.picture import Picture
from app.ingestion.parsing import confinement
from app.ingestion.parsing.messages import (
    LARGEST_HEAD,
    LENGTHS,
    Head,
    drawn_reply,
    packed,
    refusal_of,
    reply_of,
)
from app.ingestion.priority import give_way

CHANNEL = 0  # stdin is a socket, for both directions
IDLE_SECONDS = 60.0
"""Without a document for so long, the process ends and gives its memory back."""

SPLIT = "Split the document, and upload its parts."

Parse = Callable[[bytes, str], Parsed | Picture]


def main(lifeline: int, parse_function: str, memory: int, characters: int, kept: int) -> None:
    """Serve until the parent closes the channel, nothing comes, or over `kept` bytes are held."""
    confinement.end_with_parent(lifeline)
    give_way()
    module, function = parse_function.split(":")
    parse: Parse = getattr(importlib.import_module(module), function)
    confinement.confine(memory)
    _send(*packed({"ready": True}))
    while select.select([CHANNEL], [], [], IDLE_SECONDS)[0]:
        request = _receive()
        if request is None:
            return
        head, data = request
        confinement.limit_processor_time(head["seconds"])
        _send(*_reply(parse, data, head["name"], characters))
        # What is large is often returned to the process only, not to the machine.
        if confinement.has_grown(kept):
            return


def _reply(parse: Parse, data: bytes, name: str, characters: int) -> tuple[bytes, bytes]:
    try:
        made = parse(data, name)
        return drawn_reply(made) if isinstance(made, Picture) else _within(characters, made)
    except UnreadableDocument as refused:
        return refusal_of(refused)
    except MemoryError:
        return packed({"out_of_memory": True})
    except RecognitionNeeded:
        return packed({"recognition_needed": True})


def _within(characters: int, parsed: Parsed) -> tuple[bytes, bytes]:
    if len(parsed.text.text) > characters:
        raise UnreadableDocument(
            f"The file gives more than {characters:,} characters of text.", remedy=SPLIT
        )
    reply = reply_of(parsed)
    if len(reply[0]) > LARGEST_HEAD:
        raise UnreadableDocument("The file is divided into too many sections.", remedy=SPLIT)
    return reply


def _receive() -> tuple[Head, bytes] | None:
    """The next message; None when the parent has closed the channel."""
    lengths = _read(LENGTHS.size)
    if lengths is None:
        return None
    head_length, body_length = LENGTHS.unpack(lengths)
    head, body = _read(head_length), _read(body_length)
    return None if head is None or body is None else (json.loads(head), body)


def _read(count: int) -> bytes | None:
    buffer = bytearray(count)
    view = memoryview(buffer)
    while view:
        read = os.readv(CHANNEL, [view])
        if not read:
            return None
        view = view[read:]
    return bytes(buffer)


def _send(*parts: bytes) -> None:
    for part in parts:
        view = memoryview(part)
        while view:
            view = view[os.write(CHANNEL, view) :]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
