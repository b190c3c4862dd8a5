"""The pages that people see."""

from fastapi import FastAPI

from app.web.pages import (
    account,
    answers,
    ask,
    audit,
    chat_model,
    comparing_indexes,
    conversations,
    deleted,
    deleting,
    document,
    document_map,
    documents,
    explanation,
    fetched_addresses,
    fetching,
    history,
    indexes,
    labels,
    providers,
    quality,
    query_help,
    renaming,
    sample,
    search,
    shared_links,
    signing_in,
    spending,
    status,
    steering,
    users,
)
from app.web.pages.assets import Assets


def install(app: FastAPI) -> None:
    # `deleted`, `deleting` and others before `document`, whose address would take theirs; so
    # `shared_links` before `conversations`.
    pages = (
        search,
        explanation,
        ask,
        documents,
        deleted,
        deleting,
        steering,
        fetched_addresses,
        document,
    )
    for page in (
        *pages,
        labels,
        document_map,
        query_help,
        renaming,
        history,
        fetching,
        sample,
        shared_links,
        conversations,
        quality,
        answers,
        indexes,
        comparing_indexes,
        status,
        chat_model,
    ):
        app.include_router(page.router)
    for page in (signing_in, account, users, audit, spending, providers):
        app.include_router(page.router)
    app.mount("/static", Assets(), name="static")
