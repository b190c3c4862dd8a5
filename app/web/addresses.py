"""The addresses of pages, so that the address bar is the whole state."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from app.answering.answer import Quote
from app.retrieval.passage import Passage, Place

Parameter = str | int | None


def address(path: str, *parameters: tuple[str, Parameter]) -> str:
    """`path` with those parameters that have a value."""
    given = [(name, value) for name, value in parameters if value not in {None, ""}]
    return f"{path}?{urlencode(given)}" if given else path


def search_address(base: str, *parameters: tuple[str, Parameter]) -> str:
    """The search page of a knowledge base, with what is asked of it."""
    return address("/", ("knowledge-base", base), *parameters)


def passage_address(passage: Passage, words: str = "") -> str:
    """The document, opened at the passage; `words` lead back to the results."""
    return _place(passage.document_id, passage.revision_id, passage.start, passage.end, words)


def place_address(place: Place) -> str:
    return _place(place.document_id, place.revision_id, place.start, place.end, "")


def quote_address(quoted: Quote) -> str:
    return _place(quoted.document_id, quoted.revision_id, quoted.start, quoted.end, "")


def stretch_address(document_id: int, revision_id: int, start: int, end: int) -> str:
    """The document, opened at those characters of a revision."""
    return _place(document_id, revision_id, start, end, "")


def _place(document_id: int, revision_id: int, start: int, end: int, words: str) -> str:
    opened = address(
        f"/documents/{document_id}",
        ("revision", revision_id),
        ("start", start),
        ("end", end),
        ("q", words),
    )
    return f"{opened}#passage"


def api_address(base: str, rest: str, *parameters: tuple[str, Parameter]) -> str:
    """An address of the JSON API, of what is in a knowledge base."""
    return address(f"/api/knowledge-bases/{quote(base, safe='')}/{rest}", *parameters)
