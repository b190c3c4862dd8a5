"""Indexes: which there are, building another beside the active one, comparing, switching."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response, status
from pydantic import Field

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.evaluation.comparison import Changed, Comparison, Side
from app.indexes.index import IndexState
from app.indexes.plans import BuildPlan
from app.indexes.recipe import Recipe
from app.indexes.recipes import Choice
from app.indexes.refusals import RefusedDocument
from app.indexes.reports import IndexReport
from app.retrieval.passage import Mode
from app.retrieval.passage import Query as Asked
from app.retrieval.retriever import checked
from app.services import Services
from app.web.access import needs
from app.web.api.passage import RetrievalShape
from app.web.api.shape import LARGEST_ID, Shape, errors, reply
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(prefix="/knowledge-bases/{name}/indexes", tags=["Indexes"])

LONGEST_PREFIX = 1000
IndexId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The index's id.", examples=[3])]


class RecipeShape(Shape):
    """What decides what an index holds."""

    model: str = Field(examples=["local/all-MiniLM-L6-v2"])
    dimensions: int = Field(examples=[384])
    query_prefix: str = Field(examples=["query: "])
    document_prefix: str = Field(examples=["passage: "])
    chunk_tokens: int | None = Field(examples=[200])
    fingerprint: str = Field(examples=["5f2c9d…"])

    @classmethod
    def of(cls, recipe: Recipe) -> RecipeShape:
        return cls(
            model=recipe.model,
            dimensions=recipe.dimensions,
            query_prefix=recipe.query_prefix,
            document_prefix=recipe.document_prefix,
            chunk_tokens=recipe.chunk_tokens,
            fingerprint=recipe.fingerprint,
        )


class SideShape(Shape):
    """One index's half of a comparison."""

    index_id: int = Field(examples=[1])
    ndcg: float = Field(examples=[0.91])
    recall: float = Field(examples=[0.95])
    reciprocal_rank: float = Field(examples=[0.89])
    median_ms: float = Field(examples=[21.4])
    p95_ms: float = Field(examples=[34.0])

    @classmethod
    def of(cls, side: Side) -> SideShape:
        return cls(
            index_id=side.index_id,
            ndcg=side.measures.ndcg,
            recall=side.measures.recall,
            reciprocal_rank=side.measures.reciprocal_rank,
            median_ms=side.median_ms,
            p95_ms=side.p95_ms,
        )


class ChangedShape(Shape):
    """A question whose answer moved."""

    question: str = Field(examples=["opening hours of the north quay"])
    document_name: str = Field(examples=["guides/harbour.pdf"])
    before: int | None = Field(examples=[4])
    """Where the active index had it, from 1; null if not among the first ten."""
    after: int | None = Field(examples=[1])

    @classmethod
    def of(cls, changed: Changed) -> ChangedShape:
        return cls(
            question=changed.question,
            document_name=changed.document_name,
            before=changed.before,
            after=changed.after,
        )


class ComparisonShape(Shape):
    """An index (`after`) against the one that was active (`before`), on the same questions."""

    made_at: datetime
    questions: str = Field(examples=["12 of the team's own"])
    mode: Mode
    before: SideShape
    after: SideShape
    difference: float = Field(examples=[0.02])
    """Of nDCG@10, after less before."""
    low: float = Field(examples=[-0.01])
    """The lower end of the difference's 95 % interval."""
    high: float = Field(examples=[0.05])
    p: float = Field(examples=[0.21])
    """How likely chance alone gives such a difference, from 0 to 1."""
    better: tuple[ChangedShape, ...]
    worse: tuple[ChangedShape, ...]

    @classmethod
    def of(cls, comparison: Comparison) -> ComparisonShape:
        return cls(
            made_at=datetime.fromisoformat(comparison.made_at),
            questions=comparison.questions,
            mode=Mode(comparison.mode),
            before=SideShape.of(comparison.before),
            after=SideShape.of(comparison.after),
            difference=comparison.ndcg.difference,
            low=comparison.ndcg.low,
            high=comparison.ndcg.high,
            p=comparison.ndcg.p,
            better=tuple(ChangedShape.of(each) for each in comparison.better),
            worse=tuple(ChangedShape.of(each) for each in comparison.worse),
        )


class IndexShape(Shape):
    """The chunks of a knowledge base under one recipe."""

    id: int = Field(examples=[3])
    state: IndexState
    recipe: RecipeShape
    revisions: int = Field(examples=[42])
    """How many revisions it holds."""
    revisions_expected: int = Field(examples=[42])
    """How many it should hold: each document's current one."""
    digest: str = Field(examples=["9f86d081884c7d65"])
    """A hash over the revisions that it holds; equal sets have equal ones."""
    digest_expected: str = Field(examples=["9f86d081884c7d65"])
    in_step: bool
    """Whether it holds exactly what it should."""
    refused: int = Field(examples=[0])
    """How many documents it lacks because its model refuses them."""
    chunks: int = Field(examples=[1310])
    vector_bytes: int = Field(examples=[2012160])
    share: float = Field(examples=[0.75])
    """How much of the documents' text is in, from 0 to 1."""
    embedded: int = Field(examples=[900])
    """Chunks that its build had the model embed."""
    reused: int = Field(examples=[410])
    """Chunks whose vectors its build found in another index."""
    seconds: float = Field(examples=[31.5])
    """How long its build has taken so far."""
    chunks_a_second: float | None = Field(examples=[41.6])
    seconds_left: float | None = Field(examples=[10.5])
    tokens: int = Field(examples=[180000])
    """Tokens that its build sent to a remote model."""
    cost: float | None = Field(examples=[0.0036])
    """US dollars so far; null where the model's price is not known."""
    promote_if_not_worse_by: float | None
    vector_index: str | None = Field(examples=["TiFlash has copied 40% of the rows"])
    """How far TiFlash is with its vector index; null where the server can have none."""
    error: str | None
    remedy: str | None
    created_at: datetime
    built_at: datetime | None
    comparison: ComparisonShape | None
    """The last comparison with the active index."""

    @classmethod
    def of(cls, report: IndexReport, services: Services) -> IndexShape:
        said = report.comparison
        return cls(
            id=report.index.id,
            state=report.index.state,
            recipe=RecipeShape.of(report.index.recipe),
            revisions=report.standing.revisions,
            revisions_expected=report.expected.revisions,
            digest=report.standing.digest,
            digest_expected=report.expected.digest,
            in_step=report.in_step,
            refused=report.refused,
            chunks=report.chunks,
            vector_bytes=report.vector_bytes,
            share=report.share,
            embedded=report.embedded,
            reused=report.reused,
            seconds=report.seconds,
            chunks_a_second=report.rate,
            seconds_left=report.left.total_seconds() if report.left else None,
            tokens=report.tokens,
            cost=services.changeover.cost(report),
            promote_if_not_worse_by=report.promote_margin,
            vector_index=report.vector_index.told if report.vector_index else None,
            error=report.error,
            remedy=report.remedy,
            created_at=report.created_at,
            built_at=report.built_at,
            comparison=ComparisonShape.of(Comparison.load(said)) if said else None,
        )


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


class PlanShape(Shape):
    """What a build would do and cost, about."""

    recipe: RecipeShape
    revisions: int = Field(examples=[42])
    chunks: int = Field(examples=[1310])
    embedded: int = Field(examples=[1310])
    """Chunks that the model would embed; the vectors of the others are there."""
    tokens: int = Field(examples=[180000])
    price: float | None = Field(examples=[0.02])
    """US dollars for a million tokens; null where it is not known."""
    cost: float | None = Field(examples=[0.0036])
    """US dollars."""

    @classmethod
    def of(cls, plan: BuildPlan) -> PlanShape:
        return cls(
            recipe=RecipeShape.of(plan.recipe),
            revisions=plan.revisions,
            chunks=plan.chunks,
            embedded=plan.embedded,
            tokens=plan.tokens,
            price=plan.price,
            cost=plan.cost,
        )


class RefusedShape(Shape):
    """A document that an index lacks, because its model refuses it."""

    document_id: int = Field(examples=[17])
    revision_id: int = Field(examples=[31])
    name: str = Field(examples=["guides/harbour.pdf"])
    error: str = Field(examples=["OpenAI refused to embed the text that begins 'The tide…'."])
    remedy: str

    @classmethod
    def of(cls, document: RefusedDocument) -> RefusedShape:
        return cls(
            document_id=document.document_id,
            revision_id=document.revision_id,
            name=document.name,
            error=document.error,
            remedy=document.remedy,
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
