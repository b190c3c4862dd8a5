"""Search: passages that answer a question, and how they were found."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Query as Parameters

from app.access.rights import Right
from app.web.access import needs
from app.web.api.passage import RetrievalShape
from app.web.api.shape import errors, reply
from app.web.search_params import SearchParams
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(tags=["Search"])


@router.get(
    "/knowledge-bases/{name}/search",
    response_model=RetrievalShape,
    responses=errors(404, 422, 502, 503),
)
@needs(Right.READ)
def search(
    base: ReadableKnowledgeBase, params: Annotated[SearchParams, Parameters()], services: Wired
) -> Response:
    """Passages that answer `q`, best first."""
    if params.document:
        services.documents.require(base.id, params.document)
    retrieval = services.retriever.retrieve(base, params.query(), params.top_k)
    return reply(RetrievalShape.of(retrieval))
