"""The pages that people see."""

from fastapi import FastAPI

from app.web.pages import (
    ask,
    conversations,
    deleting,
    document,
    documents,
    explanation,
    indexes,
    labels,
    quality,
    sample,
    search,
    status,
    steering,
)
from app.web.pages.assets import Assets


def install(app: FastAPI) -> None:
    # `deleting` and `steering` before `document`, whose address would take its own.
    pages = (search, explanation, ask, documents, deleting, steering, document, labels)
    for page in (*pages, sample, conversations, quality, indexes, status):
        app.include_router(page.router)
    app.mount("/static", Assets(), name="static")
