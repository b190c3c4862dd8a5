"""Two revisions of a document side by side."""

from __future__ import annotations

from dataclasses import dataclass

from app.documents.difference import Difference, difference
from app.documents.model import Revision
from app.documents.store import DocumentStore
from app.errors import RevisionNotFound


@dataclass(frozen=True)
class Compared:
    """Two revisions, and what makes the text of `new` of that of `old`."""

    old: Revision
    new: Revision
    difference: Difference


def compare(
    documents: DocumentStore,
    document_id: int,
    old_id: int | None = None,
    new_id: int | None = None,
) -> Compared:
    """Compare the current revision, unless another is named, with the one before it, unless so.

    Raises:
        DocumentNotFound, RevisionNotFound: as `DocumentStore.revision`; or there is none before.
        TooLongToCompare: see `difference`.
    """
    new = documents.revision(document_id, new_id)
    if old_id is None:
        before = [one for one in documents.revisions(document_id) if one.number < new.number]
        if not before:
            raise RevisionNotFound(
                f"There is no revision before revision {new.number}.",
                remedy="Compare two of the document's revisions that are there.",
            )
        old = before[0]
    else:
        old = documents.revision(document_id, old_id)
    texts = [documents.stretch(each, 0, each.characters or 0) for each in (old, new)]
    return Compared(old, new, difference(*texts))
