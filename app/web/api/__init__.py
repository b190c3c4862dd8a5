"""The JSON API under `/api`, and the page that describes it."""

from fastapi import APIRouter

from app.web.api import (
    answers,
    contents,
    documents,
    events,
    jobs,
    knowledge_bases,
    search,
    uploads,
)

router = APIRouter()
for part in (knowledge_bases, documents, uploads, contents, jobs, events, search, answers):
    router.include_router(part.router)
