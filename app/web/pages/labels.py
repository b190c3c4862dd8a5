"""A document's tags and metadata, as a person writes them in a form."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse

from app.access.rights import Right
from app.documents.labels import Labels, checked_labels
from app.errors import InvalidRequest
from app.web.access import needs
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)


def tags_in(written: str) -> list[str]:
    """The tags of a field in which commas part them."""
    return [tag for each in written.split(",") if (tag := each.strip())]


def metadata_in(written: str) -> dict[str, str]:
    """The metadata of a field with a `name: value` in each line.

    Raises:
        InvalidRequest: a line without a colon.
    """
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, written.splitlines())):
        name, colon, value = line.partition(":")
        if not colon:
            raise InvalidRequest(
                f"The line {line[:80]!r} has no colon.",
                remedy="Write each as a name, a colon and a value: author: A. Shore.",
            )
        found[name.strip()] = value.strip()
    return found


def written(labels: Labels) -> tuple[str, str]:
    """Tags and metadata as the form's two fields show them."""
    return ", ".join(labels.tags), "\n".join(f"{n}: {v}" for n, v in labels.metadata.items())


@router.post("/documents/{document_id}/labels")
@needs(Right.WRITE)
def keep_labels(
    services: Wired,
    document_id: int,
    tags: Annotated[str, Form()] = "",
    metadata: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Let these be the document's tags and metadata."""
    labels = checked_labels(tags_in(tags), metadata_in(metadata))
    services.documents.set_labels(document_id, labels)
    return RedirectResponse(f"/documents/{document_id}", status_code=303)
