"""The JSON API under `/api`, and the page that describes it."""

from fastapi import APIRouter, Depends

from app.web.api import (
    addresses,
    answers,
    contents,
    conversations,
    deleted,
    document_map,
    documents,
    events,
    explanation,
    fetching,
    indexes,
    jobs,
    knowledge_bases,
    query_help,
    questions,
    quotes,
    revisions,
    search,
    shared_links,
    spending,
    uploads,
)
from app.web.wiring import well_formed

router = APIRouter(dependencies=[Depends(well_formed)])
PARTS = (
    knowledge_bases,
    indexes,
    documents,
    uploads,
    fetching,
    addresses,
    contents,
    revisions,
    deleted,
    quotes,
    jobs,
    events,
    search,
    explanation,
    query_help,
    document_map,
    answers,
    questions,
    conversations,
    shared_links,
    spending,
)
for part in PARTS:
    router.include_router(part.router)
