"""The limiter: processes that ask without end, against a provider's limit a minute."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.queues import Queue
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from app.config import load_settings
from app.database.connection import Database
from app.database.embedded import EmbeddedServer
from app.database.migrations import migrate
from app.embedding.pacer import SharedPacer, account_of
from app.embedding.pacing import MINUTE
from app.embedding.providers import Rate
from benchmarks.measurement import Measurement

PROCESSES = 4
LIMIT = 500
SECONDS = 130.0


def measure(_: Path) -> list[Measurement]:
    settings = load_settings()
    if settings.tidb_database_url is not None:
        return _measured(settings.tidb_database_url.get_secret_value())
    with TemporaryDirectory(prefix="tidemark-bench-") as folder:
        server = EmbeddedServer(Path(folder), settings.cache_dir, settings.tidb_memory_mb, print)
        with server.acquire() as lease:
            return _measured(lease.url.render_as_string(hide_password=False))


def _measured(url: str) -> list[Measurement]:
    database = Database.connect(url)
    migrate(database)
    database.dispose()
    account = account_of("benchmark", uuid4().hex)
    context = multiprocessing.get_context("spawn")
    moments: Queue[list[float]] = context.Queue()
    processes = [
        context.Process(target=_ask, args=(url, account, moments)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    made = sorted(moment for _ in processes for moment in moments.get())
    for process in processes:
        process.join()
    # The minutes that begin with a request; of those that are whole, the emptiest is told too.
    counts = [sum(begin <= at < begin + MINUTE for at in made) for begin in made]
    whole = [n for begin, n in zip(made, counts, strict=True) if begin + MINUTE <= made[-1]]
    detail = f"{PROCESSES} processes, {LIMIT} a minute, {len(made)} requests"
    return [
        Measurement("limiter: the fullest minute", max(counts), "requests", LIMIT, detail),
        Measurement("limiter: the emptiest minute, used", min(whole) / LIMIT, "", 0.95, "at least"),
    ]


def _ask(url: str, account: str, moments: Queue[list[float]]) -> None:
    database = Database.connect(url)
    pacer = SharedPacer.of(database, account, Rate(requests=LIMIT), largest=1)
    until, made = time.time() + SECONDS, []
    while time.time() < until:
        pacer.admit(1, urgent=False)
        made.append(time.time())
    moments.put(made)
    database.dispose()
