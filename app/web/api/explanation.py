"""Why a document is among a search's results, or why it is not."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as Parameters
from pydantic import Field

from app.access.rights import Right
from app.errors import DocumentNotFound
from app.retrieval.explaining import Explanation, Fate
from app.web.access import needs
from app.web.api.passage import NearestSentenceShape, PassageShape
from app.web.api.shape import LARGEST_ID, Shape, errors
from app.web.search_params import SearchParams
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(tags=["Search"])


class ExplanationParams(SearchParams):
    """A search, and the document that is asked about."""

    about: int = Field(ge=1, le=LARGEST_ID, examples=[12])
    """The id of the document."""


class ExplanationShape(Shape):
    """What became of a document in a search, by the numbers that ranked it."""

    document_id: int = Field(examples=[12])
    document_name: str = Field(examples=["guides/harbour.pdf"])
    fate: Fate
    """`shown`; `not ready`: not ingested yet; `filtered`: left out by a filter, a phrase or a
    left-out word; `without words`: it has none of the words, and only these were looked for;
    `below the candidates`: neither half of the search had it among its best; `fused away`: a
    candidate, but others were better; `folded`: shown with another document's passage that says
    nearly the same."""
    conditions: tuple[str, ...]
    """What it was left out by, in words."""
    shown: int = Field(examples=[10])
    """How many passages the search shows."""
    candidates: int = Field(examples=[143])
    """How many passages were ranked."""
    rank: int | None = Field(examples=[37])
    """The place of its best passage among the candidates."""
    vector_rank: int | None = Field(examples=[412])
    """The true place of that passage by meaning, among all that the search may find."""
    keyword_rank: int | None = Field(examples=[58])
    """Its true place by words."""
    passage: PassageShape | None
    """Its best passage."""
    nearest_sentence: NearestSentenceShape | None
    """The sentence of that passage whose meaning is nearest to the question's."""

    @classmethod
    def of(cls, told: Explanation, question: str) -> ExplanationShape:
        near = told.nearest
        return cls(
            document_id=told.document.id,
            document_name=told.document.name,
            fate=told.fate,
            conditions=told.conditions,
            shown=told.shown,
            candidates=told.candidates,
            rank=told.rank,
            vector_rank=told.vector_rank,
            keyword_rank=told.keyword_rank,
            passage=PassageShape.of(told.passage, question) if told.passage else None,
            nearest_sentence=near and NearestSentenceShape.of(near),
        )


@router.get(
    "/knowledge-bases/{name}/explanation",
    responses=errors(404, 422, 502, 503),
)
@needs(Right.READ)
def explain(
    base: ReadableKnowledgeBase,
    params: Annotated[ExplanationParams, Parameters()],
    services: Wired,
) -> ExplanationShape:
    """Why a document is among a search's results, or where it fell out."""
    query = params.query()
    services.documents.require([base.id], query.document_ids)
    document = services.documents.get(params.about)
    if document.knowledge_base_id != base.id:
        raise DocumentNotFound(f"There is no document {params.about} in it.")
    told = services.explainer.explain(base, query, document, params.top_k)
    return ExplanationShape.of(told, query.text)
