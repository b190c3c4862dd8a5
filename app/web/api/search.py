"""Search: passages that answer a question, and how they were found."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi import Query as Parameters

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.web.access import needs
from app.web.api.passage import AcrossShape, RetrievalShape
from app.web.api.shape import errors, reply
from app.web.search_params import SearchParams
from app.web.wiring import KnowledgeBaseName, Wired

router = APIRouter(tags=["Search"])


@router.get(
    "/knowledge-bases/{name}/search",
    response_model=RetrievalShape,
    responses=errors(404, 422, 502, 503),
)
@needs(Right.READ)
def search(
    name: KnowledgeBaseName, params: Annotated[SearchParams, Parameters()], services: Wired
) -> Response:
    """Passages that answer `q`, best first."""
    # Not as a dependency: to it and back, a request would go by another thread.
    base = services.knowledge_bases.get(name)
    services.documents.require([base.id], params.document)
    retrieval = services.retriever.retrieve(base, params.query(), params.top_k)
    if params.nearest:
        retrieval = services.retriever.with_nearest(retrieval)
    return reply(RetrievalShape.of(retrieval))


def searched(
    services: Wired,
    names: Annotated[
        list[str] | None,
        Parameters(
            alias="knowledge-base",
            description="Only these knowledge bases; without it, all that the caller may read.",
        ),
    ] = None,
) -> tuple[KnowledgeBase, ...]:
    if names:
        return tuple(services.knowledge_bases.get(name) for name in dict.fromkeys(names))
    return tuple(base for base, _ in services.knowledge_bases.list())


@router.get("/search", response_model=AcrossShape, responses=errors(404, 422, 502, 503))
@needs(Right.READ)
def search_across(
    bases: Annotated[tuple[KnowledgeBase, ...], Depends(searched)],
    params: Annotated[SearchParams, Parameters()],
    services: Wired,
) -> Response:
    """Passages of several knowledge bases that answer `q`, in one ranking, best first."""
    services.documents.require([base.id for base in bases], params.document)
    retrieval = services.retriever.retrieve_across(bases, params.query(), params.top_k)
    if params.nearest:
        retrieval = services.retriever.with_nearest(retrieval)
    return reply(AcrossShape.of_several(retrieval, bases))
