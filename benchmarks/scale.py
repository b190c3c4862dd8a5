"""Many documents and a very long one: memory of the worker, a flat throughput, quick searches.

`SCALE_DOCUMENTS` and `SCALE_PAGES` are how many documents and how many pages: 10,000 and 5,000.
"""

from __future__ import annotations

import io
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from app.database.connection import Database
from app.evaluation.collection import read_collection
from app.ingestion.job import JobState
from app.ingestion.job_store import JobStore
from benchmarks.measurement import Measurement
from benchmarks.serving import BASE, FILES_A_REQUEST, joined, resident, running

DOCUMENTS = int(os.environ.get("SCALE_DOCUMENTS", "10000"))
PAGES = int(os.environ.get("SCALE_PAGES", "5000"))
WORDS_A_DOCUMENT = 80
WORDS_A_PAGE = 250
LOOK_PAUSE = 0.25  # seconds between looks at memory and at what is done
ASK_PAUSE = 0.25  # seconds between two searches
SETTLES = 5.0  # seconds, before what is idle is called so


def measure(collections: Path) -> list[Measurement]:
    collection = read_collection(collections / "scifact")
    words = " ".join(document.content for document in collection.documents()).split()
    questions = list(collection.questions.values())
    half = len(questions) // 2
    with (
        tempfile.TemporaryDirectory(prefix="tidemark-bench-") as folder,
        running(folder, "--no-worker") as (client, _, _),
        joined(folder) as database,
    ):
        _upload(client, words)
        with (
            _worker(folder) as worker,
            _watched(worker) as memory,
            _asking(client, questions[:half]) as busy,
        ):
            finished = _until_done(database)
        long = _long_document(words)
        with _worker(folder) as worker, _watched(worker) as long_memory:
            client.post(
                f"{BASE}/documents", files={"files": ("long.pdf", long, "application/pdf")}
            ).raise_for_status()
            began = time.perf_counter()
            _until_done(database)
            seconds = time.perf_counter() - began
        time.sleep(SETTLES)
        with _asking(client, questions[half:]) as idle:
            time.sleep(max(10.0, min(60.0, busy.seconds)))
        chunks = int(client.get(BASE).json()["chunks"])
        failed = JobStore(database).counts()[JobState.FAILED]
    if failed:
        raise SystemExit(f"{failed} documents failed.")
    return [
        *_flatness(finished),
        _memory("small documents", memory, f"{DOCUMENTS:,} documents"),
        _memory("the long one", long_memory, f"{PAGES:,} pages in {seconds:.0f} s"),
        Measurement(
            "search p95 while documents are ingested, by when none is",
            _p95(busy.took) / _p95(idle.took),
            "x",
            2,
            f"{_p95(busy.took):.0f} and {_p95(idle.took):.0f} ms (p50 "
            f"{statistics.median(busy.took):.0f} and {statistics.median(idle.took):.0f}), "
            f"{len(busy.took)} and {len(idle.took)} searches, {chunks:,} chunks in the end",
            at_most=True,
        ),
    ]


def _flatness(finished: Sequence[float]) -> Iterator[Measurement]:
    """The last tenth against the first: as fast, or the queue slows down as it is worked off."""
    some = len(finished) // 10
    # They end many at once, and are looked at so often: of few documents it tells little.
    first = some / max(LOOK_PAUSE, finished[some - 1])
    last = some / max(LOOK_PAUSE, finished[-1] - finished[-some - 1])
    yield Measurement(
        f"throughput of the last {some:,} documents, by that of the first",
        last / first,
        "x",
        0.8,
        f"{last:.0f} and {first:.0f} documents/s, {len(finished):,} in {finished[-1]:.0f} s",
    )


def _memory(what: str, watched: _Watched, detail: str) -> Measurement:
    beside = (watched.most - watched.at_rest) / 1_000_000
    told = f"{detail}; {watched.at_rest / 1_000_000:.0f} MB at rest with the model"
    name = f"memory of the worker and its parsers beside the model, {what}"
    return Measurement(name, beside, "MB", 600, told, at_most=True)


def _p95(milliseconds: Sequence[float]) -> float:
    return statistics.quantiles(milliseconds, n=20)[-1]


def _made(words: Sequence[str], number: int, length: int) -> str:
    """A text of its own: words of the collection from a place that no other text begins at."""
    start = number * 37 % (len(words) - length)
    return f"Note {number}. " + " ".join(words[start : start + length])


def _upload(client: httpx.Client, words: Sequence[str]) -> None:
    for start in range(0, DOCUMENTS, FILES_A_REQUEST):
        files = [
            ("files", (f"note-{n}.txt", _made(words, n, WORDS_A_DOCUMENT).encode(), "text/plain"))
            for n in range(start, min(start + FILES_A_REQUEST, DOCUMENTS))
        ]
        client.post(f"{BASE}/documents", files=files).raise_for_status()


def _long_document(words: Sequence[str]) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for page in range(PAGES):
        text = _made(words, DOCUMENTS + page, WORDS_A_PAGE).split()
        line = canvas.beginText(60, 780)
        for start in range(0, len(text), 12):
            line.textLine(" ".join(text[start : start + 12]))
        canvas.drawText(line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@contextmanager
def _worker(folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """`tidemark worker`, for as long as the context lasts."""
    command = [str(Path(sys.executable).with_name("tidemark")), "worker"]
    environment = os.environ | {"TIDEMARK_DATA_DIR": folder}
    environment.pop("TIDB_DATABASE_URL", None)
    process = subprocess.Popen(command, env=environment)
    yield process
    process.send_signal(signal.SIGTERM)
    process.wait(120)


@dataclass
class _Watched:
    """Bytes that a worker and the processes under it held: once it was loaded, and at most."""

    at_rest: int = 0
    most: int = 0


@contextmanager
def _watched(worker: subprocess.Popen[bytes]) -> Iterator[_Watched]:
    watched, ended = _Watched(), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_PAUSE):
            alone = resident(worker.pid)
            together = alone + sum(_resident_if_there(pid) for pid in _children(worker.pid))
            # Before its first parser it holds the model and no document: the most of that.
            if together == alone and watched.most <= watched.at_rest:
                watched.at_rest = max(watched.at_rest, alone)
            watched.most = max(watched.most, together)

    thread = threading.Thread(target=watch)
    thread.start()
    yield watched
    ended.set()
    thread.join()


def _children(pid: int) -> list[int]:
    told = [
        Path(f"/proc/{pid}/task/{t.name}/children") for t in Path(f"/proc/{pid}/task").iterdir()
    ]
    found = []
    for each in told:
        try:
            found += [int(child) for child in each.read_text(encoding="ascii").split()]
        except OSError:  # the thread has ended
            continue
    return found


def _resident_if_there(pid: int) -> int:
    try:
        return resident(pid)
    except OSError:
        return 0


@dataclass
class _Asked:
    """How long searches took, in milliseconds, one after the other with a pause."""

    took: list[float] = field(default_factory=list)
    seconds: float = 0.0


@contextmanager
def _asking(client: httpx.Client, questions: Sequence[str]) -> Iterator[_Asked]:
    asked, ended = _Asked(), threading.Event()

    def ask() -> None:
        while not ended.wait(ASK_PAUSE):
            # What was asked before costs nothing: a number makes each question another.
            n = len(asked.took)
            question = f"{questions[n % len(questions)]} {n // len(questions) or ''}"
            began = time.perf_counter()
            client.get(f"{BASE}/search", params={"q": question}).raise_for_status()
            asked.took.append(1000 * (time.perf_counter() - began))

    began = time.perf_counter()
    thread = threading.Thread(target=ask)
    thread.start()
    yield asked
    ended.set()
    thread.join()
    asked.seconds = time.perf_counter() - began


def _until_done(database: Database) -> list[float]:
    """Seconds from when the first was begun until each document was ingested, as seen to end."""
    jobs = JobStore(database)
    before = jobs.counts()[JobState.SUCCEEDED]
    finished: list[float] = []
    began = time.perf_counter()
    while True:
        counts = jobs.counts()
        new = counts[JobState.SUCCEEDED] - before - len(finished)
        if not new and not finished and not counts[JobState.RUNNING]:
            began = time.perf_counter()  # the worker is still starting
        finished += [time.perf_counter() - began] * new
        if not counts[JobState.READY] + counts[JobState.RUNNING]:
            return finished
        time.sleep(LOOK_PAUSE)
