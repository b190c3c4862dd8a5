"""How many requests and tokens a minute: for each key, and for all of them together.

A bucket for each holder lies in TiDB, so that every process draws from the same. It has a minute's
worth when it is full, and fills evenly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.keys import ApiKey, KeyLimits
from app.access.tables import RateLimitRow
from app.database.connection import Database
from app.errors import RateLimited

MINUTE = 60.0  # seconds
Kind = Literal["requests", "tokens"]


@dataclass(frozen=True)
class Left:
    """What is left of a limit, and in how many seconds nothing will be missing from it."""

    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True)
class Standing:
    """Where a caller stands; of several limits of a kind, the tighter."""

    requests: Left | None
    tokens: Left | None


@dataclass(frozen=True)
class Holder:
    """Who has limits: a key, or everyone together."""

    name: str
    limits: KeyLimits


@dataclass(frozen=True)
class RateLimits:
    database: Database
    workspace: KeyLimits

    def holders(self, key: ApiKey) -> tuple[Holder, ...]:
        """Whose limits a request with this key counts against."""
        all_of_them = (Holder("workspace", self.workspace), Holder(f"key:{key.id}", key.limits))
        return tuple(each for each in all_of_them if each.limits != KeyLimits())

    def count(self, key: ApiKey) -> None:
        """Count one request with this key.

        Raises:
            RateLimited: as `take`.
        """
        if holders := self.holders(key):
            self.take(holders, requests=1, tokens=0)

    def take(self, holders: Sequence[Holder], *, requests: int, tokens: int) -> Standing:
        """Count what is about to be done; if one limit does not allow it, nothing is counted.

        Raises:
            RateLimited: a limit is used up, with the seconds until it will not be.
        """
        return self._draw(holders, requests, tokens, refuse=True)

    def charge(self, holders: Sequence[Holder], *, tokens: int) -> Standing:
        """Count tokens of which it was not known before how many there would be."""
        return self._draw(holders, 0, tokens, refuse=False)

    def _draw(
        self, holders: Sequence[Holder], requests: int, tokens: int, *, refuse: bool
    ) -> Standing:
        def draw(session: Session) -> Standing:
            lefts: list[tuple[Left | None, Left | None]] = []
            # Always in one order, so that two requests never wait for each other.
            for holder in sorted(holders, key=lambda each: each.name):
                row, moment = _refilled(session, holder)
                if refuse:
                    _check("requests", holder.limits.requests, row.requests, requests)
                    _check("tokens", holder.limits.tokens, row.tokens, tokens)
                row.requests -= requests
                row.tokens -= tokens
                row.refilled_at = moment
                lefts.append(
                    (
                        _left(holder.limits.requests, row.requests),
                        _left(holder.limits.tokens, row.tokens),
                    )
                )
            return Standing(_tighter([r for r, _ in lefts]), _tighter([t for _, t in lefts]))

        return self.database.transaction(draw)


def _refilled(session: Session, holder: Holder) -> tuple[RateLimitRow, datetime]:
    """The holder's bucket as it is by now, by TiDB's clock, which all processes share."""
    found = session.execute(
        select(RateLimitRow, func.utc_timestamp(6))
        .where(RateLimitRow.holder == holder.name)
        .with_for_update()
    ).first()
    requests, tokens = float(holder.limits.requests or 0), float(holder.limits.tokens or 0)
    if found is None:
        moment = session.scalar(select(func.utc_timestamp(6)))
        assert isinstance(moment, datetime)  # noqa: S101 - what TiDB says
        row = RateLimitRow(holder=holder.name, requests=requests, tokens=tokens, refilled_at=moment)
        session.add(row)
        session.flush()  # two who are first at once: one of them is told to try again
        return row, moment
    row, moment = found
    share = max(0.0, (moment - row.refilled_at).total_seconds()) / MINUTE
    row.requests = min(requests, row.requests + share * requests)
    row.tokens = min(tokens, row.tokens + share * tokens)
    return row, moment


def _check(kind: Kind, limit: int | None, available: float, wanted: int) -> None:
    # Tokens that were counted afterwards may have left a debt, which has to be paid off first.
    if limit is None or (available >= wanted and available > 0):
        return
    missing = max(wanted, 1) - available
    raise RateLimited(
        f"Rate limit reached: {limit:,} {kind} per minute; this request needs {wanted:,}, and "
        f"{max(0, int(available)):,} are left.",
        kind=kind,
        seconds=missing / limit * MINUTE,
    )


def _left(limit: int | None, available: float) -> Left | None:
    if limit is None:
        return None
    return Left(limit, max(0, int(available)), (limit - available) / limit * MINUTE)


def _tighter(lefts: Sequence[Left | None]) -> Left | None:
    return min((left for left in lefts if left), key=lambda left: left.remaining, default=None)
