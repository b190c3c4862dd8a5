"""An index as replied: its recipe, what it holds, how its build goes or would go."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from app.evaluation.comparison import Comparison
from app.indexes.index import IndexState
from app.indexes.plans import BuildPlan
from app.indexes.recipe import Recipe
from app.indexes.refusals import RefusedDocument
from app.indexes.reports import IndexReport
from app.services import Services
from app.web.api.comparison import ComparisonShape
from app.web.api.shape import Shape


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
