"""What some models write to themselves before they answer."""

from __future__ import annotations

from collections.abc import Iterator

from app.answering.answer import Piece

_OPEN, _CLOSE = "<think>", "</think>"


def without_thinking(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The reply without the `<think>…</think>` that it may begin with.

    DeepSeek's and Qwen's models write it into the text when their server doesn't take it apart.
    """
    held: str | None = ""
    for piece in pieces:
        if held is None or not isinstance(piece, str):
            yield piece
            continue
        held += piece
        head = held.lstrip()
        if head.startswith(_OPEN):
            _, closed, rest = head.partition(_CLOSE)
            if closed:
                held = head = rest.lstrip()
        if not head.startswith(_OPEN) and not _OPEN.startswith(head):
            yield head
            held = None
    if held and not held.lstrip().startswith(_OPEN):
        yield held
