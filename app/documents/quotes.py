"""A quote, and whether it still stands in the document's current text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.documents.model import Revision, Section
from app.documents.store import DocumentStore
from app.errors import InvalidRequest

LONGEST = 20_000  # characters of a quote


@dataclass(frozen=True)
class Newer:
    """The document's current revision, and where the quote stands in it: nowhere if `at` is None.

    `at` is `[start, end)` in characters of that revision's text.
    """

    revision: Revision
    at: tuple[int, int] | None


@dataclass(frozen=True)
class QuotedPlace:
    """A quote in the revision that was read; `page` counts from 1, where the text has pages.

    `newer` is there when the document has changed since.
    """

    revision: Revision
    text: str
    page: int | None
    newer: Newer | None


def quoted_place(
    documents: DocumentStore, document_id: int, revision_id: int | None, start: int, end: int
) -> QuotedPlace:
    """What stands at `[start, end)` of a revision, and what became of it.

    Raises:
        DocumentNotFound, RevisionNotFound: as `DocumentStore.revision`.
        InvalidRequest: nothing, or far too much, stands there.
    """
    document = documents.get(document_id)
    revision, sections = documents.outline(document_id, revision_id)
    end = min(end, revision.characters or 0)
    if not 0 <= start < end or end - start > LONGEST:
        raise InvalidRequest(
            f"No quote stands from {start:,} to {end:,} of a text of "
            f"{revision.characters or 0:,} characters.",
            remedy=f"Give the offsets of a citation: at most {LONGEST:,} characters apart.",
        )
    text = documents.stretch(revision, start, end)
    newer = None
    if document.current_revision_id not in {None, revision.id}:
        current, whole = documents.text(document_id)
        newer = Newer(current, found_again(text, whole.text))
    return QuotedPlace(revision, text, page_at(sections, start), newer)


def found_again(quote: str, text: str) -> tuple[int, int] | None:
    """Where the words of `quote` stand in `text`, whatever white space is between them."""
    at = text.find(quote)
    if at >= 0:
        return at, at + len(quote)
    words = quote.split()
    found = re.search(r"\s+".join(map(re.escape, words)), text) if words else None
    return found.span() if found else None


def page_at(sections: Sequence[Section], offset: int) -> int | None:
    """The page on which the character at `offset` stands."""
    return next((s.page for s in sections if s.start <= offset < s.end), None)
