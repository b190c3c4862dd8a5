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
    thinking = False
    for piece in pieces:
        if held is None or not isinstance(piece, str):
            yield piece
            continue
        held = (held + piece).lstrip()
        if not thinking and held.startswith(_OPEN):
            thinking, held = True, held.removeprefix(_OPEN)
        if thinking:
            _, closed, rest = held.partition(_CLOSE)
            thinking = not closed
            held = rest.lstrip() if closed else held[-len(_CLOSE) :]
        if not thinking and not _OPEN.startswith(held):
            yield held
            held = None
    if held and not thinking:
        yield held
