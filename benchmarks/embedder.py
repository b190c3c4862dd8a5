"""The local embedder against sentence-transformers on torch: same weights, texts, threads."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from app.config import Settings, load_settings
from app.embedding import Embedder, make_embedder
from app.embedding.processors import multiplies_int8_exactly, usable_processors
from benchmarks.measurement import Measurement

TEXTS = 300
ROUNDS = 3
QUESTIONS = 100
_TORCH = Path(__file__).parent / "torch"


def measure(collections: Path) -> list[Measurement]:
    """Texts a second against torch's, and how long a question takes beside an ingest.

    `collections` holds folders in the BEIR layout; half of the texts are documents, half questions.
    """
    texts = _mixed_texts(collections)
    settings = load_settings()
    threads = settings.threads or usable_processors()
    embedder = make_embedder(settings, print)
    faster = _in_int8(settings) if multiplies_int8_exactly() else embedder
    for warm in (embedder, faster):
        warm.embed_documents(texts[:8])
    with _torch(texts, threads) as (other, versions):
        # By turns, so that whatever else the machine does is in the way of both; the best of each
        # counts.
        turns = [
            (_seconds(embedder, texts), other(), _seconds(faster, texts)) for _ in range(ROUNDS)
        ]
    ours, theirs, in_int8 = (min(side) for side in zip(*turns, strict=True))
    tokens = sum(min(embedder.tokens.count(text), embedder.max_tokens) for text in texts)
    return [
        Measurement(
            "local embedder against torch",
            theirs / ours,
            "x",
            2.5,
            f"{len(texts) / ours:.0f} and {len(texts) / theirs:.0f} texts/s of "
            f"{tokens / len(texts):.0f} tokens on {threads} threads; {versions}",
        ),
        Measurement(
            "local embedder in int8 against torch",
            theirs / in_int8,
            "x",
            detail=f"{len(texts) / in_int8:.0f} texts/s, TIDEMARK_EMBEDDING_PRECISION=int8",
        ),
        _question_beside_ingest(embedder, texts),
    ]


def _in_int8(settings: Settings) -> Embedder:
    return make_embedder(settings.model_copy(update={"embedding_precision": "int8"}), print)


def _seconds(embedder: Embedder, texts: list[str]) -> float:
    started = time.perf_counter()
    embedder.embed_documents(texts)
    return time.perf_counter() - started


def _question_beside_ingest(embedder: Embedder, texts: list[str]) -> Measurement:
    questions = sorted(texts, key=len)[:QUESTIONS]
    alone = [_asking(embedder, question) for question in questions]
    over = threading.Event()

    def ingest() -> None:
        while not over.is_set():
            embedder.embed_documents(texts[:64])

    thread = threading.Thread(target=ingest)
    thread.start()
    time.sleep(0.2)
    beside = []
    for question in questions:
        beside.append(_asking(embedder, question))
        time.sleep(0.02)  # a person pauses, and the ingest has to be under way
    over.set()
    thread.join()
    return Measurement(
        "question beside an ingest, p50",
        1000 * median(beside),
        "ms",
        detail=f"p95 {1000 * quantiles(beside, n=20)[-1]:.0f} ms; "
        f"alone p50 {1000 * median(alone):.1f} ms",
    )


def _asking(embedder: Embedder, question: str) -> float:
    started = time.perf_counter()
    embedder.embed_query(question)
    return time.perf_counter() - started


def _mixed_texts(collections: Path) -> list[str]:
    corpora = sorted(collections.glob("*/corpus.jsonl*"))
    if not corpora:
        raise SystemExit(f"There is no collection (<name>/corpus.jsonl.gz) in {collections}.")
    folder = next((path for path in corpora if path.parent.name == "scifact"), corpora[0]).parent
    draw = random.Random(0)
    documents = [text for path in folder.glob("corpus.jsonl*") for text in _texts(path)]
    questions = _texts(folder / "queries.jsonl")
    half = min(TEXTS // 2, len(documents), len(questions))
    texts = draw.sample(documents, half) + draw.sample(questions, half)
    draw.shuffle(texts)
    return texts


def _texts(path: Path) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


@contextmanager
def _torch(texts: list[str], threads: int) -> Iterator[tuple[Callable[[], float], str]]:
    """A process of sentence-transformers that times a pass whenever it is asked to."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise SystemExit("The benchmark's other side needs uv on PATH, or its place in UV.")
    print("Setting up torch for the comparison; the first time fetches some gigabytes …")
    program = str(_TORCH / "embed.py")
    # Not in this environment: the project's own must never hold torch.
    environment = {name: v for name, v in os.environ.items() if name != "VIRTUAL_ENV"}
    with subprocess.Popen(
        [uv, "run", "--project", str(_TORCH), "--locked", "python", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise SystemExit("The pipes to the torch process are missing.")
        to, answers = process.stdin, process.stdout

        def answer(line: str) -> str:
            to.write(line + "\n")
            to.flush()
            reply = answers.readline()
            if not reply:
                raise SystemExit("sentence-transformers on torch ended early; see above.")
            return reply

        versions = json.loads(answer(json.dumps({"texts": texts, "threads": threads})))["ready"]
        yield lambda: float(answer("again")), versions
        to.close()


if __name__ == "__main__":
    for row in measure(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")):
        print(row)
