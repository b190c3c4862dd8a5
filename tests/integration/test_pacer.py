"""One limit for all processes on one TiDB; questions first; what a provider asks for is heeded."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.config import Settings
from app.embedding.making import make_embedder
from app.embedding.pacer import SharedPacer, account_of
from app.embedding.providers import Rate
from app.embedding.remote import RemoteEmbedder
from app.embedding.tables import ProviderPaceRow
from app.errors import ProviderUnavailable
from app.services import Services
from tests.fake_provider import FakeProvider, Reply, serving
from tests.integration.parts import opened, unheard


@pytest.fixture
def account() -> str:
    return account_of("provider.example", uuid4().hex)


def pacer(
    services: Services, account: str, requests: int, tokens: int | None = None
) -> SharedPacer:
    """As each process makes one of its own."""
    return SharedPacer.of(services.database, account, Rate(requests, tokens), largest=100)


@dataclass
class Clock:
    """TiDB's, as pacers read it: it stands still unless somebody sleeps by it."""

    now: float = 1e9

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What passes is what the test lets pass, however slow the machine."""
    clock = Clock()
    row = SharedPacer._row

    def read(self: SharedPacer, session: Session) -> tuple[ProviderPaceRow, float]:
        return row(self, session)[0], clock.now

    monkeypatch.setattr(SharedPacer, "_row", read)
    return clock


def test_several_processes_that_take_turns_use_nearly_all_of_the_limit(
    services: Services, account: str, clock: Clock
) -> None:
    pacers = [pacer(services, account, 3000) for _ in range(4)]
    for each in pacers:
        each.sleep, each.clock = clock.sleep, lambda: clock.now
    bucket = pacers[0].requests
    assert bucket is not None
    began, asked = clock.now, 0
    while clock.now < began + 6:
        pacers[0].admit(1, urgent=False)
        asked += 1
        if not pacers[0]._left[0]:  # its batch is used up
            pacers.append(pacers.pop(0))
    assert asked >= 0.9 * 6 / bucket.interval


def test_several_processes_at_once_keep_to_the_limit(services: Services, account: str) -> None:
    seconds, limit = 3.0, 3000
    until = time.monotonic() + seconds

    def ask(pacer: SharedPacer) -> int:
        asked = 0
        while time.monotonic() < until:
            pacer.admit(1, urgent=False)
            asked += 1
        return asked

    pacers = [pacer(services, account, limit) for _ in range(4)]
    bucket = pacers[0].requests
    assert bucket is not None
    with ThreadPoolExecutor(4) as pool:
        asked = sum(pool.map(ask, pacers))
    # Those of each that had been granted when the time was over; and what TiDB took longer.
    granted = bucket.burst + (time.monotonic() - until + seconds) / bucket.interval
    assert bucket.burst < asked <= granted + 4


def test_bulk_work_asks_tidb_less_often_than_it_is_admitted(
    services: Services, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk = pacer(services, account, 3000)
    bulk.clock = lambda: 0.0  # what was granted stays good, however slow the machine
    asked = 0
    take = SharedPacer._batch

    def counted(self: SharedPacer, session: object, tokens: int) -> tuple[int, float]:
        nonlocal asked
        asked += 1
        return take(self, session, tokens)  # type: ignore[arg-type]

    monkeypatch.setattr(SharedPacer, "_batch", counted)
    for _ in range(20):
        bulk.admit(1, urgent=False)
    assert asked == 1


def test_a_question_goes_before_bulk_work_that_waits(
    services: Services, account: str, clock: Clock
) -> None:
    waits: list[float] = []
    question = pacer(services, account, 120)  # two a second
    question.sleep = waits.append
    for _ in range(3):
        question.admit(1, urgent=True)
    bulk = pacer(services, account, 120)
    slept = threading.Event()

    def sleep(_: float) -> None:
        slept.set()
        raise InterruptedError

    bulk.sleep = sleep
    with pytest.raises(InterruptedError):
        bulk.admit(1, urgent=False)
    question.admit(1, urgent=True)  # though bulk work came first
    assert waits == pytest.approx([0, 0, 0.5, 1], abs=0.05)
    assert slept.is_set()


def test_a_question_that_would_wait_for_long_is_told_so_and_takes_no_turn(
    services: Services, account: str, clock: Clock
) -> None:
    question = pacer(services, account, 60)
    question.hold(30)
    for _ in range(2):
        with pytest.raises(ProviderUnavailable, match="room again in"):
            question.admit(1, urgent=True)


def test_tokens_are_held_to_their_limit_too(services: Services, account: str, clock: Clock) -> None:
    waits: list[float] = []
    bulk = pacer(services, account, 10_000, tokens=600)

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        raise InterruptedError

    bulk.sleep = sleep
    bulk.admit(100, urgent=False)
    with pytest.raises(InterruptedError):
        bulk.admit(100, urgent=False)
    assert 5 <= waits[0] <= 13  # a hundred tokens of six hundred a minute


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with serving(FakeProvider(kind="openai", key="a-key")) as provider:
        yield provider


@pytest.fixture
def remote(settings: Settings, provider: FakeProvider) -> Iterator[RemoteEmbedder]:
    """The services' embedder, with a limit."""
    limited = settings.model_copy(
        update={
            "embedding_model": "openai/text-embedding-3-small",
            "embedding_api_base": provider.api_base,
            "embedding_api_key": SecretStr("a-key"),
            "embedding_requests_per_minute": 600,
        }
    )
    with opened(limited, make_embedder(limited, unheard)) as services:
        embedder = services.embedder
        assert isinstance(embedder, RemoteEmbedder)
        yield embedder


def test_an_embedder_is_held_to_its_account_and_keeps_its_key_to_itself(
    remote: RemoteEmbedder, provider: FakeProvider, services: Services
) -> None:
    assert isinstance(remote.pacer, SharedPacer)
    remote.embed_documents(["tide"])
    with services.database.engine.connect() as connection:
        rows = list(connection.execute(text("SELECT account FROM provider_paces")))
    assert [remote.pacer.account] in [list(row) for row in rows]
    assert "a-key" not in str(rows)


def test_the_pause_that_a_provider_asks_for_holds_for_all(
    remote: RemoteEmbedder, provider: FakeProvider, services: Services
) -> None:
    remote.embed_documents(["tide"])
    provider.replies = [Reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "1"})]
    began = time.monotonic()
    remote.embed_documents(["seal"])
    assert time.monotonic() - began >= 1
    assert isinstance(remote.pacer, SharedPacer)
    other = SharedPacer.of(services.database, remote.pacer.account, Rate(600), 1)
    other.hold(300)
    with pytest.raises(ProviderUnavailable, match="limit is used up"):
        remote.embed_query("ferry")
