"""The page that says what models have cost, on what, and what is left of the day's budget."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.access.rights import Right
from app.web.access import needs
from app.web.api.spending import DAYS, Days, SpentShape, told
from app.web.pages.frame import frame, show
from app.web.wiring import Wired

router = APIRouter(include_in_schema=False)


@router.get("/spending")
@needs(Right.ADMIN)
def spending_page(request: Request, services: Wired, days: Days = DAYS) -> HTMLResponse:
    spent = told(services, days)
    return show(
        request,
        "spending.html",
        frame("Spending", "/spending", None, f"/api/spending?days={days}"),
        days=days,
        budget=None if spent.budget is None else dollars(spent.budget),
        left=None if spent.left_today is None else dollars(spent.left_today),
        lines=[(each, cost_of(each.spent)) for each in spent.days],
        documents=[(each, cost_of(each.spent)) for each in spent.documents],
        local=services.embedder.model.startswith("local/") and services.chat_model() is None,
    )


def dollars(amount: float) -> str:
    """An amount as a person reads it: to the cent, or, below, to the first digits that tell."""
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.2g}"


def cost_of(spent: SpentShape) -> str:
    """What it cost, as far as prices are known."""
    if spent.unpriced_tokens == spent.tokens and spent.tokens:
        return "price not known"
    more = " and more" if spent.unpriced_tokens else ""
    return dollars(spent.cost) + more
