"""Files inside files: attachments, and the members of archives."""

from __future__ import annotations

from contextvars import ContextVar

from app.errors import UnreadableDocument
from app.ingestion.parsers.draft import Draft

DEEPEST = 2
"""Archives in e-mails, e-mails in archives: so many are opened inside each other."""

_depth: ContextVar[int] = ContextVar("depth", default=0)


def add_member(draft: Draft, name: str, data: bytes, level: int) -> str | None:
    """Write a file as a section of `draft`; or, where it cannot be read, return why not."""
    from app.ingestion.parsers.registry import parse  # which knows whoever called

    if _depth.get() >= DEEPEST:
        return "It is packed too deep inside other files."
    mark = _depth.set(_depth.get() + 1)
    try:
        parsed = parse(data, name)
    except UnreadableDocument as refused:
        return refused.message
    except MemoryError:
        return "There was not memory enough to read it."
    finally:
        _depth.reset(mark)
    draft.heading(level, name)
    draft.add(parsed.text, level)
    return None
