"""One rate limiter for each account at a provider, which all processes on one TiDB share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import select, text
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.embedding.pacing import USED_WITHIN, Bucket
from app.embedding.providers import Rate
from app.embedding.tables import ProviderPaceRow
from app.errors import ProviderUnavailable

LONGEST_FOR_QUERIES = 3.0  # seconds that a person is made to wait for the rate of others
UNLIMITED = 2**62
_LONGEST_SLEEP = 5.0  # so that a limit which was lifted meanwhile is noticed


@dataclass
class SharedPacer:
    """Keeps to a limit of requests and of tokens a minute.

    What is granted to bulk work comes in batches, so that TiDB is asked a few times a second and
    not for each request. Bulk work takes only what is there; a question takes the next turn even
    before it has come, so that it goes first however much bulk work waits.
    """

    database: Database
    account: str
    requests: Bucket | None
    tokens: Bucket | None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left: tuple[int, int, float] = (0, 0, 0.0)
    """Requests and tokens that were granted and not used, and until when they may be."""

    @classmethod
    def of(cls, database: Database, account: str, rate: Rate, largest: int) -> SharedPacer:
        """`largest` is the most tokens that one request has."""
        return cls(
            database,
            account,
            None if rate.requests is None else Bucket.of(rate.requests),
            None if rate.tokens is None else Bucket.of(rate.tokens, largest),
        )

    def admit(self, tokens: int, *, urgent: bool) -> None:
        if urgent:
            self.sleep(self.database.transaction(lambda session: self._turn(session, tokens)))
            return
        # One thread asks; the others of this process wait for what it brings along.
        with self._lock:
            while not self._used(tokens):
                granted, wait = self.database.transaction(
                    lambda session: self._batch(session, tokens)
                )
                if granted:
                    until = self.clock() + USED_WITHIN
                    self._left = (granted, granted * tokens if self.tokens else UNLIMITED, until)
                else:
                    self.sleep(min(wait, _LONGEST_SLEEP))

    def hold(self, seconds: float) -> None:
        def write(session: Session) -> None:
            row, now = self._row(session)
            row.requests_empty_at = max(row.requests_empty_at, now + seconds)
            row.tokens_empty_at = max(row.tokens_empty_at, now + seconds)

        with self._lock:
            self._left = (0, 0, 0.0)
        self.database.transaction(write)

    def _used(self, tokens: int) -> bool:
        requests, left, until = self._left
        if not requests or left < tokens or self.clock() > until:
            return False
        self._left = (requests - 1, left - tokens, until)
        return True

    def _turn(self, session: Session, tokens: int) -> float:
        """Take the next turn there is, and tell how far off it is."""
        row, now = self._row(session)
        wait = self._wait(row, now, 1, tokens)
        if wait > LONGEST_FOR_QUERIES:
            raise ProviderUnavailable(
                f"The provider's limit is used up; there is room again in {wait:.0f} s.",
                remedy="Try again then, or ask the provider for a higher limit.",
            )
        self._take(row, now, 1, tokens)
        return wait

    def _batch(self, session: Session, tokens: int) -> tuple[int, float]:
        """How many requests of so many tokens were taken; none, and how long to wait for some."""
        row, now = self._row(session)
        count = self._room(row, now, tokens)
        if count < 1:
            return 0, self._wait(row, now, self._most(), tokens)
        self._take(row, now, count, count * tokens)
        return count, 0.0

    def _row(self, session: Session) -> tuple[ProviderPaceRow, float]:
        row = session.get(ProviderPaceRow, self.account, with_for_update=True)
        if row is None:
            made = insert(ProviderPaceRow).values(
                account=self.account, requests_empty_at=0.0, tokens_empty_at=0.0
            )
            session.execute(made.prefix_with("IGNORE"))
            row = session.get_one(ProviderPaceRow, self.account, with_for_update=True)
        # TiDB's clock, after the row is locked: processes on several machines have several others.
        now = session.scalar(select(text("UNIX_TIMESTAMP(SYSDATE(6))")))
        return row, float(now or 0)

    def _most(self) -> int:
        """The most requests that are taken at once: half of what may be."""
        return 1 if self.requests is None else max(1, self.requests.burst // 2)

    def _room(self, row: ProviderPaceRow, now: float, tokens: int) -> int:
        count = self._most()
        if self.requests is not None:
            count = min(count, self.requests.room(row.requests_empty_at, now))
        if self.tokens is not None and tokens:
            cost = min(tokens, self.tokens.burst)
            count = min(count, self.tokens.room(row.tokens_empty_at, now) // cost)
        return count

    def _wait(self, row: ProviderPaceRow, now: float, count: int, tokens: int) -> float:
        wait = 0.0
        if self.requests is not None:
            wait = self.requests.wait(row.requests_empty_at, now, count)
        if self.tokens is not None:
            wait = max(wait, self.tokens.wait(row.tokens_empty_at, now, tokens))
        return wait

    def _take(self, row: ProviderPaceRow, now: float, count: int, tokens: int) -> None:
        if self.requests is not None:
            row.requests_empty_at = self.requests.after(row.requests_empty_at, now, count)
        if self.tokens is not None:
            row.tokens_empty_at = self.tokens.after(row.tokens_empty_at, now, tokens)


def account_of(address: str, secret: str) -> str:
    """What an account is known by; nothing of its secret can be read from that."""
    return sha256(f"{address}\n{secret}".encode()).hexdigest()
