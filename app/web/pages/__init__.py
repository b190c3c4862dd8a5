"""The pages that people see."""

from fastapi import FastAPI

from app.web.pages import (
    ask,
    deleting,
    document,
    documents,
    explanation,
    labels,
    sample,
    search,
    status,
)
from app.web.pages.assets import Assets


def install(app: FastAPI) -> None:
    # `deleting` before `document`, whose address would take its own.
    for page in (search, explanation, ask, documents, deleting, document, labels, sample, status):
        app.include_router(page.router)
    app.mount("/static", Assets(), name="static")
