"""Help with questions: spelling, suggestions, saved searches, synonyms."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, status
from pydantic import Field

from app.access.rights import Right
from app.documents.searches import SavedSearch
from app.retrieval.query_syntax import typed_query
from app.web.access import needs
from app.web.addresses import search_address
from app.web.api.shape import LARGEST_ID, Shape, errors
from app.web.search_params import SearchParams, params_of
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(prefix="/knowledge-bases/{name}", tags=["Search"])

MOST_SUGGESTED = 8
LONGEST_TYPED = 200  # characters that are looked at

SearchId = Annotated[
    int, Path(ge=1, le=LARGEST_ID, description="The saved search's id.", examples=[4])
]
Typed = Annotated[str, Query(description="What has been typed.", examples=["harbor"])]


class SuggestionShape(Shape):
    text: str = Field(examples=["Harbour dues"])
    kind: Literal["title", "heading"]


class SuggestionList(Shape):
    suggestions: tuple[SuggestionShape, ...]


class SpellingShape(Shape):
    did_you_mean: str | None = Field(examples=["harbour dues"])
    """The question as the documents spell it; null where all its words are known."""


class SynonymsShape(Shape):
    groups: tuple[tuple[str, ...], ...] = Field(examples=[[["harbour", "port", "haven"]]])
    """Of each group, all words are looked for where one is."""


class NewSavedSearch(SearchParams):
    """A search, and the name to find it by again."""

    saved_name: str = Field(examples=["Dues of this year"])


class SavedSearchShape(Shape):
    id: int = Field(examples=[4])
    saved_name: str = Field(examples=["Dues of this year"])
    parameters: SearchParams
    """What is searched for, and where."""
    url: str = Field(examples=["/?knowledge-base=default&q=harbour+dues"])
    """The page that searches for it."""
    created_at: datetime

    @classmethod
    def of(cls, saved: SavedSearch, base: str) -> SavedSearchShape:
        params = params_of(saved.parameters)
        return cls(
            id=saved.id,
            saved_name=saved.name,
            parameters=params,
            url=search_address(base, *params.pairs()),
            created_at=saved.created_at,
        )


class SavedSearchList(Shape):
    searches: tuple[SavedSearchShape, ...]


@router.get("/suggestions", responses=errors(404, 422, 503))
@needs(Right.READ)
def suggest(base: ReadableKnowledgeBase, q: Typed, services: Wired) -> SuggestionList:
    """Titles and headings in which a word begins with `q`."""
    index = services.indexes.active(base.id)
    found = (
        ()
        if index is None
        else services.headings.suggested(index, q[:LONGEST_TYPED], MOST_SUGGESTED)
    )
    return SuggestionList(
        suggestions=tuple(SuggestionShape(text=one.text, kind=one.kind) for one in found)
    )


@router.get("/spelling", responses=errors(404, 422, 503))
@needs(Right.READ)
def spell(base: ReadableKnowledgeBase, q: Typed, services: Wired) -> SpellingShape:
    """The question with the words that no document has as the documents spell them."""
    index = services.indexes.active(base.id)
    query = typed_query(q[:LONGEST_TYPED])
    better = None if index is None else services.speller.did_you_mean(index, query)
    return SpellingShape(did_you_mean=better)


@router.get("/synonyms", responses=errors(404, 503))
@needs(Right.READ)
def read_synonyms(base: ReadableKnowledgeBase) -> SynonymsShape:
    """The knowledge base's synonyms."""
    return SynonymsShape(groups=base.synonyms)


@router.put("/synonyms", responses=errors(404, 422, 503))
@needs(Right.WRITE)
def set_synonyms(
    base: ReadableKnowledgeBase, synonyms: SynonymsShape, services: Wired
) -> SynonymsShape:
    """Let these be all of the knowledge base's synonyms; the next search goes by them."""
    return SynonymsShape(groups=services.knowledge_bases.set_synonyms(base.name, synonyms.groups))


@router.get("/searches", responses=errors(404, 503))
@needs(Right.READ)
def list_saved_searches(base: ReadableKnowledgeBase, services: Wired) -> SavedSearchList:
    """The searches that were saved in the knowledge base, by name."""
    saved = services.saved_searches.list(base.id)
    return SavedSearchList(searches=tuple(SavedSearchShape.of(one, base.name) for one in saved))


@router.post("/searches", status_code=status.HTTP_201_CREATED, responses=errors(404, 422, 503))
@needs(Right.WRITE)
def save_search(
    base: ReadableKnowledgeBase, new: NewSavedSearch, services: Wired
) -> SavedSearchShape:
    """Keep a search, for everybody who may read the knowledge base."""
    saved = services.saved_searches.save(base.id, new.saved_name, new.encoded())
    return SavedSearchShape.of(saved, base.name)


@router.delete(
    "/searches/{search_id}", status_code=status.HTTP_204_NO_CONTENT, responses=errors(404, 503)
)
@needs(Right.WRITE)
def delete_saved_search(base: ReadableKnowledgeBase, search_id: SearchId, services: Wired) -> None:
    """Forget a saved search."""
    services.saved_searches.delete(base.id, search_id)
