"""`tidemark serve` as a person runs it: how soon it answers, how fast, and in how much memory."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from sqlalchemy import text

from app.config import load_settings
from app.database.connection import Database
from app.database.embedded import EmbeddedServer, embedded_server_status
from app.embedding.making import make_embedder
from app.evaluation.collection import read_collection
from app.indexes.chunk_table import chunk_table_name
from app.indexes.store import IndexStore
from app.ingestion.job import JobState
from app.ingestion.job_store import JobStore
from app.retrieval.query import Mode
from benchmarks.measurement import Measurement

CHUNKS = 10_000
QUERIES = 100
WARMING = 5  # queries, which are not asked again: what was asked before costs nothing
REST = 20  # seconds
BASE = "/api/knowledge-bases/default"
FILES_A_REQUEST = 200
DISTINCT = 600  # documents


def measure(collections: Path) -> list[Measurement]:
    collection = read_collection(collections / "scifact")
    texts = [document.content for document in collection.documents()]
    asked = list(collection.questions.values())
    questions, others = asked[:QUERIES], asked[QUERIES : QUERIES + WARMING]
    with TemporaryDirectory(prefix="tidemark-bench-") as folder:
        with running(folder):
            pass  # the first start makes the database
        with running(folder) as (client, seconds, _), joined(folder) as database:
            started = Measurement("start to first page, second run", seconds, "s", 4, "")
            loaded = fill(client, database, texts)
            searched = list(_search(client, database, questions, others))
        with running(folder) as (client, _, process):
            client.get(f"{BASE}/search", params={"q": questions[0]})
            time.sleep(REST)
            memory = _resident_mb(process, folder)
    at_rest = Measurement(
        "resident memory of everything, at rest", memory / 1000, "GB", 1.2, f"{loaded} chunks"
    )
    return [started, *searched, at_rest]


@contextmanager
def joined(folder: str) -> Iterator[Database]:
    """The TiDB that the server under measurement uses, joined."""
    settings = load_settings()
    server = EmbeddedServer(
        Path(folder), settings.cache_dir, settings.tidb_memory_mb, lambda _: None
    )
    with server.acquire() as lease:
        database = Database.connect(lease.url)
        yield database
        database.dispose()


@contextmanager
def running(
    folder: str, *arguments: str, **more: str
) -> Iterator[tuple[httpx.Client, float, subprocess.Popen[bytes]]]:
    """A client of `tidemark serve`, the seconds until its first page, and its process.

    `arguments` go on after `serve`; `more` is set in its environment.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"TIDEMARK_DATA_DIR": folder, "TIDEMARK_PORT": str(port)} | more
    environment.pop("TIDB_DATABASE_URL", None)
    command = [str(Path(sys.executable).with_name("tidemark")), "serve", *arguments]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600) as client:
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"tidemark serve ended with {process.returncode}")
            try:
                if client.get("/").status_code == httpx.codes.OK:
                    break
            except httpx.TransportError:
                time.sleep(0.02)
        try:
            yield client, time.perf_counter() - began, process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def fill(client: httpx.Client, database: Database, texts: list[str], most: int = CHUNKS) -> int:
    """Upload until there are enough chunks, in requests of many files; the chunks there are.

    The same texts under other names, time and again: a text is embedded once.
    """
    chunks = 0
    for upload in count():
        start = upload * FILES_A_REQUEST % DISTINCT
        files = [
            ("files", (f"{upload}/abstract {start + n}.txt", one.encode(), "text/plain"))
            for n, one in enumerate(texts[start : start + FILES_A_REQUEST])
        ]
        client.post(f"{BASE}/documents", files=files).raise_for_status()
        while _unfinished(database):
            time.sleep(0.5)
        chunks = int(client.get(BASE).json()["chunks"])
        if chunks >= most:
            break
    return chunks


@cache
def filled(collections: Path, most: int) -> tuple[TemporaryDirectory[str], int]:
    """The data folder of a Tidemark with so many chunks, and their number: filled once a run."""
    folder = TemporaryDirectory(prefix="tidemark-bench-")
    texts = [document.content for document in read_collection(collections / "scifact").documents()]
    with running(folder.name) as (client, _, _), joined(folder.name) as database:
        return folder, fill(client, database, texts, most)


def _unfinished(database: Database) -> int:
    counts = JobStore(database).counts()
    return counts[JobState.READY] + counts[JobState.RUNNING]


def _search(
    client: httpx.Client, database: Database, questions: list[str], others: list[str]
) -> Iterator[Measurement]:
    """Over HTTP against what no server can do without: the embedding and the bare statement."""
    embedder = make_embedder(load_settings(), print)
    index = IndexStore(database).active(1)
    assert index is not None  # noqa: S101 - it has just been filled
    nearest = text(
        "SELECT id, VEC_COSINE_DISTANCE(embedding, :v) AS d "  # noqa: S608 - a number of ours
        f"FROM {chunk_table_name(index.id)} ORDER BY d LIMIT 10"
    )

    def bare(question: str) -> None:
        vector = embedder.embed_query(question)
        with database.engine.connect() as connection:
            connection.execute(nearest, {"v": str(vector)}).all()

    def searched(mode: Mode) -> Callable[[str], None]:
        def search(question: str) -> None:
            asked = {"q": question, "mode": mode.value}
            client.get(f"{BASE}/search", params=asked).raise_for_status()

        return search

    ways = {"bare": bare, "vector": searched(Mode.VECTOR), "hybrid": searched(Mode.HYBRID)}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for question in others:
        for way in ways.values():
            way(question)  # warm
    for question in questions:
        for name, way in ways.items():  # by turns, so that a busy moment is in the way of all
            began = time.perf_counter()
            way(question)
            took[name].append(1000 * (time.perf_counter() - began))
    p50 = {name: statistics.median(times) for name, times in took.items()}
    detail = ", ".join(f"{name} {milliseconds:.1f} ms" for name, milliseconds in p50.items())
    yield Measurement(
        "search over HTTP against embedding and bare SQL, p50",
        p50["vector"] / p50["bare"],
        "x",
        1.3,
        detail,
    )


def _resident_mb(process: subprocess.Popen[bytes], folder: str) -> float:
    """Of the server and its TiDB, in MB (10^6 bytes)."""
    tidb = embedded_server_status(Path(folder)).pid
    pids = [process.pid, *([tidb] if tidb else [])]
    return sum(resident(pid) for pid in pids) / 1_000_000


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
