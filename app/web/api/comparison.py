"""What came of a comparison of two indexes, as replied."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from app.evaluation.comparison import Changed, Comparison, Side
from app.retrieval.query import Mode
from app.web.api.shape import Shape


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
