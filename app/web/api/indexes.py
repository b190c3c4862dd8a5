"""Indexes: which there are, building another beside the active one, comparing, switching."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response, status
from pydantic import Field

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.indexes.index import IndexState
from app.indexes.recipes import Choice
from app.retrieval.query import Mode, checked
from app.retrieval.query import Query as Asked
from app.services import Services
from app.web.access import needs
from app.web.api.comparison import ComparisonShape
from app.web.api.index import IndexShape, PlanShape, RecipeShape, RefusedShape
from app.web.api.passage import RetrievalShape
from app.web.api.shape import LARGEST_ID, Shape, errors, reply
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(prefix="/knowledge-bases/{name}/indexes", tags=["Indexes"])

LONGEST_PREFIX = 1000
IndexId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The index's id.", examples=[3])]


class IndexList(Shape):
    indexes: tuple[IndexShape, ...]
    settings_recipe: RecipeShape | None
    """What the settings would make; null where their model cannot be asked."""
    settings_match: bool
    """Whether the active index was made under it."""


class NewIndex(Shape):
    """What to make differently from the settings."""

    model: str | None = Field(None, examples=["openai/text-embedding-3-small"], max_length=300)
    dimensions: int | None = Field(None, ge=1, le=16000, examples=[512])
    query_prefix: str | None = Field(None, max_length=LONGEST_PREFIX, examples=["query: "])
    document_prefix: str | None = Field(None, max_length=LONGEST_PREFIX, examples=["passage: "])
    chunk_tokens: int | None = Field(None, examples=[300])
    promote_if_not_worse_by: float | None = Field(None, ge=0, le=1, examples=[0.01])
    """Promote it once it is ready, if its nDCG@10 is not worse by more than this."""

    def choice(self) -> Choice:
        return Choice(
            self.model,
            self.dimensions,
            self.query_prefix,
            self.document_prefix,
            self.chunk_tokens,
        )


class RefusedList(Shape):
    refused: tuple[RefusedShape, ...]
    total: int = Field(examples=[1])


class Without(Shape):
    without: int = Field(0, ge=0, examples=[0])
    """How many documents the index may lack because its model refuses them."""


class Promotion(Without):
    if_not_worse_by: float | None = Field(None, ge=0, le=1, examples=[0.01])
    """Compare first, and promote only if nDCG@10 is not worse by more than this."""


class SearchOfIndex(Shape):
    """What is searched for in one index."""

    q: str = Field(examples=["when does the tide turn"])
    top_k: int = 10


@router.get("", responses=errors(404, 503))
@needs(Right.READ)
def list_indexes(base: ReadableKnowledgeBase, services: Wired) -> IndexList:
    """Every index of the knowledge base, the active one first."""
    reports = services.changeover.reports.of(base.id)
    wanted = services.changeover.settings_recipe()
    active = [report.index for report in reports if report.index.state == IndexState.ACTIVE]
    return IndexList(
        indexes=tuple(IndexShape.of(report, services) for report in reports),
        settings_recipe=None if wanted is None else RecipeShape.of(wanted),
        settings_match=all(index.recipe == wanted for index in active),
    )


@router.post("", status_code=status.HTTP_201_CREATED, responses=errors(404, 409, 422, 502, 503))
@needs(Right.MANAGE)
def build_index(base: ReadableKnowledgeBase, asked: NewIndex, services: Wired) -> IndexShape:
    """Build another index beside the active one, in the background."""
    changeover = services.changeover
    index_id = changeover.build(base, asked.choice(), asked.promote_if_not_worse_by)
    return _told(base, index_id, services)


@router.post("/plan", responses=errors(404, 409, 422, 502, 503))
@needs(Right.MANAGE)
def plan_index(base: ReadableKnowledgeBase, asked: NewIndex, services: Wired) -> PlanShape:
    """What building such an index would do and cost; nothing is begun."""
    return PlanShape.of(services.changeover.plan(base, asked.choice()))


@router.post("/revert", responses=errors(404, 409, 422, 503))
@needs(Right.MANAGE)
def take_back(
    base: ReadableKnowledgeBase, services: Wired, asked: Without | None = None
) -> IndexShape:
    """Take the last promotion back: the former index is active again."""
    index_id = services.changeover.switch.revert(base.id, asked.without if asked else 0)
    return _told(base, index_id, services)


@router.get("/{index_id}", responses=errors(404, 503))
@needs(Right.READ)
def read_index(base: ReadableKnowledgeBase, index_id: IndexId, services: Wired) -> IndexShape:
    """One index: what it holds, and how its build goes."""
    return _told(base, index_id, services)


@router.get("/{index_id}/refused", responses=errors(404, 422, 503))
@needs(Right.READ)
def list_refused(
    base: ReadableKnowledgeBase,
    index_id: IndexId,
    services: Wired,
    offset: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RefusedList:
    """The documents that an index lacks because its model refuses them, and why."""
    total = services.changeover.reports.one(base.id, index_id).refused
    found = services.changeover.refusals.of(index_id, offset=offset, limit=limit)
    return RefusedList(refused=tuple(map(RefusedShape.of, found)), total=total)


@router.delete(
    "/{index_id}", status_code=status.HTTP_204_NO_CONTENT, responses=errors(404, 409, 503)
)
@needs(Right.MANAGE)
def drop_index(base: ReadableKnowledgeBase, index_id: IndexId, services: Wired) -> None:
    """Drop an index that is not active; of one that is being built, this cancels the build."""
    services.changeover.switch.drop(base.id, index_id)


@router.post("/{index_id}/promote", responses=errors(404, 409, 422, 503))
@needs(Right.MANAGE)
def promote_index(
    base: ReadableKnowledgeBase,
    index_id: IndexId,
    services: Wired,
    asked: Promotion | None = None,
) -> IndexShape:
    """Answer searches from the index from now on, or, with a margin, once it has been compared."""
    if asked is None or asked.if_not_worse_by is None:
        services.changeover.switch.promote(base.id, index_id, asked.without if asked else 0)
    else:
        services.changeover.switch.schedule(base.id, index_id, asked.if_not_worse_by)
    return _told(base, index_id, services)


@router.delete("/{index_id}/promote", responses=errors(404, 409, 503))
@needs(Right.MANAGE)
def unschedule_index(base: ReadableKnowledgeBase, index_id: IndexId, services: Wired) -> IndexShape:
    """Take back that an index is to be promoted by itself."""
    services.changeover.switch.schedule(base.id, index_id, None)
    return _told(base, index_id, services)


@router.post("/{index_id}/pause", responses=errors(404, 409, 503))
@needs(Right.MANAGE)
def pause_index(base: ReadableKnowledgeBase, index_id: IndexId, services: Wired) -> IndexShape:
    """Let the build of an index rest."""
    services.changeover.switch.pause(base.id, index_id)
    return _told(base, index_id, services)


@router.post("/{index_id}/resume", responses=errors(404, 409, 503))
@needs(Right.MANAGE)
def resume_index(base: ReadableKnowledgeBase, index_id: IndexId, services: Wired) -> IndexShape:
    """Go on with a build that was paused or has failed; try again what the model refused."""
    services.changeover.resume(base, index_id)
    return _told(base, index_id, services)


@router.post("/{index_id}/compare", responses=errors(404, 409, 502, 503))
@needs(Right.WRITE)
def compare_index(
    base: ReadableKnowledgeBase,
    index_id: IndexId,
    services: Wired,
    mode: Annotated[Mode, Query(description="How both are searched.")] = Mode.HYBRID,
) -> ComparisonShape:
    """Ask an index and the active one the same questions; takes some seconds."""
    return ComparisonShape.of(services.changeover.compare(base, index_id, mode))


@router.get(
    "/{index_id}/search",
    response_model=RetrievalShape,
    responses=errors(404, 409, 422, 502, 503),
)
@needs(Right.READ)
def search_index(
    base: ReadableKnowledgeBase,
    index_id: IndexId,
    params: Annotated[SearchOfIndex, Query()],
    services: Wired,
) -> Response:
    """Search one index, active or not."""
    query = Asked(params.q)
    checked(query, params.top_k)
    index = services.changeover.searchable(base, index_id)
    return reply(RetrievalShape.of(services.retriever.retrieve_from(index, query, params.top_k)))


def _told(base: KnowledgeBase, index_id: int, services: Services) -> IndexShape:
    return IndexShape.of(services.changeover.reports.one(base.id, index_id), services)
