"""Search: passages that answer a question, and how they were found."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi import Query as Parameters
from pydantic import Field

from app.retrieval.passage import Mode, Query
from app.web.api.passage import RetrievalShape
from app.web.api.shape import LARGEST_ID, Shape, errors, reply
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(tags=["Search"])


class SearchParams(Shape):
    """What is searched for, and where."""

    q: str = Field(examples=["when does the tide turn"])
    """The question, or words to look for: at most 8,000 characters."""
    top_k: int = 10
    """How many passages: 1 to 200."""
    document: tuple[Annotated[int, Field(ge=1, le=LARGEST_ID)], ...] = ()
    """Look only into the documents of these ids; may be repeated."""
    mode: Mode = Mode.HYBRID
    """By meaning (`vector`), by words (`keyword`), or by both."""
    rerank: bool = True
    """Whether the reranker, if the settings name one, has the last word."""

    def query(self) -> Query:
        return Query(self.q, self.document, self.mode, self.rerank)


@router.get(
    "/knowledge-bases/{name}/search",
    response_model=RetrievalShape,
    responses=errors(404, 422, 502, 503),
)
def search(
    base: ReadableKnowledgeBase, params: Annotated[SearchParams, Parameters()], services: Wired
) -> Response:
    """Passages that answer `q`, best first."""
    if params.document:
        services.documents.require(base.id, params.document)
    retrieval = services.retriever.retrieve(base, params.query(), params.top_k)
    return reply(RetrievalShape.of(retrieval))
