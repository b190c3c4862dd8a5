"""What models have cost: by day, knowledge base and document, and what is left of the budget."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.access.rights import Right
from app.embedding.ledger import Spent, SpentOn
from app.errors import DocumentNotFound
from app.services import Services
from app.web.access import needs
from app.web.api.shape import Shape, errors
from app.web.wiring import Wired

router = APIRouter(tags=["Spending"])

MOST_DOCUMENTS = 20
DAYS = 30


class SpentShape(Shape):
    """What was spent at the providers of models; a model on this machine costs nothing."""

    requests: int = Field(examples=[12])
    tokens: int = Field(examples=[48_210])
    unpriced_tokens: int = Field(examples=[0])
    """Those of the tokens whose price nobody knows; they are not in `cost`."""
    cost: float = Field(examples=[0.00096])
    """US dollars."""

    @classmethod
    def of(cls, spent: Spent) -> SpentShape:
        return cls(
            requests=spent.requests,
            tokens=spent.tokens,
            unpriced_tokens=spent.unpriced,
            cost=round(spent.cost, 9),
        )


class DaySpendingShape(Shape):
    """A day's spending on one knowledge base with one model."""

    day: date
    knowledge_base: str | None = Field(examples=["handbook"])
    """Null for requests to `/v1/embeddings`, and for a knowledge base that is deleted."""
    model: str = Field(examples=["openai/text-embedding-3-small"])
    spent: SpentShape


class DocumentSpendingShape(Shape):
    """What one document's text has cost."""

    document: int = Field(examples=[12])
    name: str | None = Field(examples=["guide.md"])
    """Null for a document that is deleted."""
    knowledge_base: str | None = Field(examples=["handbook"])
    spent: SpentShape


class SpendingReply(Shape):
    """What was spent in the last days, in UTC, newest first."""

    budget: float | None = Field(examples=[5.0])
    """US dollars a day for embedding; null where there is none."""
    left_today: float | None = Field(examples=[4.2])
    days: tuple[DaySpendingShape, ...]
    documents: tuple[DocumentSpendingShape, ...]
    """Those that took the most tokens, at most 20."""


Days = Annotated[int, Query(ge=1, le=366, description="How many days back, today included.")]


@router.get("/spending", responses=errors(503))
@needs(Right.ADMIN)
def spending(services: Wired, days: Days = DAYS) -> SpendingReply:
    """What the models have cost, by day, knowledge base, model and document."""
    return told(services, days)


def told(services: Services, days: int) -> SpendingReply:
    """What the page and the API say of the last `days`."""
    names = {base.id: base.name for base, _ in services.knowledge_bases.list()}
    ledger = services.ledger
    return SpendingReply(
        budget=ledger.budget,
        left_today=ledger.left(),
        days=tuple(
            DaySpendingShape(
                day=each.day,
                knowledge_base=names.get(each.knowledge_base_id or 0),
                model=each.model,
                spent=SpentShape.of(each.spent),
            )
            for each in ledger.by_day(days)
            if each.day is not None and each.model is not None
        ),
        documents=tuple(
            _of_document(each, services, names) for each in ledger.by_document(days, MOST_DOCUMENTS)
        ),
    )


def _of_document(each: SpentOn, services: Services, names: dict[int, str]) -> DocumentSpendingShape:
    number = each.document_id or 0
    try:
        name: str | None = services.documents.get(number).name
    except DocumentNotFound:
        name = None
    return DocumentSpendingShape(
        document=number,
        name=name,
        knowledge_base=names.get(each.knowledge_base_id or 0),
        spent=SpentShape.of(each.spent),
    )
