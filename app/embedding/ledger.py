"""The tokens that were spent at providers, with what they cost, and the day's budget."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now
from app.embedding.spending import purpose
from app.embedding.tables import SpendingDayRow, SpendingRow
from app.errors import BudgetSpent, DatabaseUnavailable

log = logging.getLogger(__name__)

Kind = Literal["embedding", "chat"]
MILLION = 1_000_000


@dataclass(frozen=True)
class Spent:
    """What was spent on something; `cost` is in US dollars, without the `unpriced` tokens."""

    requests: int
    tokens: int
    unpriced: int
    cost: float


@dataclass(frozen=True)
class SpentOn:
    """One line of an account: on a day, on a knowledge base or document (0: none), at a model."""

    day: date | None
    knowledge_base_id: int | None
    document_id: int | None
    model: str | None
    spent: Spent


@dataclass(frozen=True)
class Ledger:
    """Days are UTC. `budget` is US dollars a day, for all processes together; None: no budget."""

    database: Database
    budget: float | None = None

    def note(
        self, kind: Kind, model: str, tokens: Mapping[int, int], cost: float | None, base: int
    ) -> None:
        """Add one request's tokens, by document, and the dollars that they cost together."""
        total = sum(tokens.values())
        rows = [
            {
                "day": today(),
                "knowledge_base_id": base,
                "document_id": document,
                "kind": kind,
                "model": model[:200],
                "requests": 1 if at == 0 else 0,
                "tokens": count,
                "unpriced": count if cost is None else 0,
                "cost": (cost or 0.0) * count / total if total else 0.0,
            }
            for at, (document, count) in enumerate(sorted(tokens.items()))
        ]

        def add(session: Session) -> None:
            statement = insert(SpendingRow).values(rows)
            new = statement.inserted
            added: dict[str, Any] = {
                name: getattr(SpendingRow, name) + getattr(new, name)
                for name in ("requests", "tokens", "unpriced", "cost")
            }
            session.execute(statement.on_duplicate_key_update(added))

        if rows:
            self.database.transaction(add)

    def reserve(self, cost: float, *, force: bool = False) -> None:
        """Take dollars from what is left of today's budget; with `force` whether it is left or not.

        Raises:
            BudgetSpent: it is not.
        """
        if self.budget is None:
            return
        budget, day = self.budget, today()

        def take(session: Session) -> None:
            row = session.get(SpendingDayRow, day, with_for_update=True)
            if row is None:
                spent = session.scalar(
                    select(func.coalesce(func.sum(SpendingRow.cost), 0)).where(
                        SpendingRow.day == day, SpendingRow.kind == "embedding"
                    )
                )
                row = SpendingDayRow(day=day, cost=float(spent or 0))
                session.add(row)
            if not force and row.cost + cost > budget:
                raise BudgetSpent(
                    f"Today's budget of ${budget:,.2f} does not suffice: ${row.cost:,.4f} are "
                    f"spent, and the next request costs ${cost:,.4f}."
                )
            row.cost += cost

        self.database.transaction(take)

    def left(self) -> float | None:
        """US dollars that are left of today's budget; None without one."""
        if self.budget is None:
            return None
        budget = self.budget

        def read(session: Session) -> float:
            row = session.get(SpendingDayRow, today())
            return max(0.0, budget - (row.cost if row is not None else 0.0))

        return self.database.transaction(read)

    def by_day(self, days: int) -> tuple[SpentOn, ...]:
        """The last days with their knowledge bases and models, newest first."""
        columns = (SpendingRow.day, SpendingRow.knowledge_base_id, SpendingRow.model)
        wanted = (
            select(*columns, *_sums())
            .where(SpendingRow.day > today() - timedelta(days=days))
            .group_by(*columns)
            .order_by(SpendingRow.day.desc(), func.sum(SpendingRow.tokens).desc())
        )

        def read(session: Session) -> tuple[SpentOn, ...]:
            return tuple(
                SpentOn(row[0], row[1], None, row[2], _spent(row[3:]))
                for row in session.execute(wanted)
            )

        return self.database.transaction(read)

    def by_document(self, days: int, limit: int) -> tuple[SpentOn, ...]:
        """The documents that took the most tokens in the last days."""
        columns = (SpendingRow.knowledge_base_id, SpendingRow.document_id)
        wanted = (
            select(*columns, *_sums())
            .where(SpendingRow.day > today() - timedelta(days=days), SpendingRow.document_id != 0)
            .group_by(*columns)
            .order_by(func.sum(SpendingRow.tokens).desc(), SpendingRow.document_id)
            .limit(limit)
        )

        def read(session: Session) -> tuple[SpentOn, ...]:
            return tuple(
                SpentOn(None, row[0], row[1], None, _spent(row[2:]))
                for row in session.execute(wanted)
            )

        return self.database.transaction(read)


@dataclass(frozen=True)
class LedgerMeter:
    """Counts what a model's provider is asked for; `price` is US dollars for a million tokens."""

    ledger: Ledger
    model: str
    price: float | None

    @contextmanager
    def spending(self, tokens: Mapping[int, int]) -> Iterator[None]:
        total, why = sum(tokens.values()), purpose()
        cost = None if self.price is None else total * self.price / MILLION
        if cost is not None and why.bulk:
            self.ledger.reserve(cost)
        try:
            yield
        except BaseException:
            if cost is not None and why.bulk:
                self.ledger.reserve(-cost, force=True)
            raise
        try:
            if cost is not None and not why.bulk:
                self.ledger.reserve(cost, force=True)  # a question is never stopped, but counts
            self.ledger.note("embedding", self.model, tokens, cost, why.knowledge_base_id)
        except DatabaseUnavailable as away:
            log.warning("What was spent cannot be noted: %s", away.message)


def today() -> date:
    return now().date()


def _sums() -> tuple[Any, ...]:
    columns = (
        SpendingRow.requests,
        SpendingRow.tokens,
        SpendingRow.unpriced,
        SpendingRow.cost,
    )
    return tuple(func.sum(column) for column in columns)


def _spent(sums: Any) -> Spent:  # noqa: ANN401 - a part of a row
    requests, tokens, unpriced, cost = sums
    return Spent(int(requests), int(tokens), int(unpriced), float(cost))
