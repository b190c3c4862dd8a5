"""Ingest against the bare embedder on the same chunks: what storing them costs."""

from __future__ import annotations

import time
from pathlib import Path

from app.evaluation.collection import read_collection
from app.ingestion.chunker import Chunker
from app.ingestion.job import JobState
from app.ingestion.parsers.registry import parse
from app.opening import open_services
from app.services import Services
from benchmarks.measurement import Measurement
from benchmarks.tidemark import own_settings

DOCUMENTS = 800


def measure(collections: Path) -> list[Measurement]:
    texts = _texts(collections / "scifact")
    with own_settings() as settings, open_services(settings, print) as services:
        chunks = _chunks(services, texts)
        services.embedder.embed_documents(chunks[:64])  # warm
        bare = _seconds_bare(services, chunks)
        ingest = _seconds_ingest(services, texts)
        bare = (bare + _seconds_bare(services, chunks)) / 2  # before and after: machines drift
    return [
        Measurement(
            "ingest against the embedder alone",
            bare / ingest,
            "x",
            0.85,
            f"{len(chunks) / ingest:.0f} and {len(chunks) / bare:.0f} chunks/s, "
            f"{len(texts)} documents, {len(chunks)} chunks",
        )
    ]


def _texts(folder: Path) -> list[str]:
    return [document.content for document in read_collection(folder).documents()][:DOCUMENTS]


def _chunks(services: Services, texts: list[str]) -> list[str]:
    chunker = Chunker(services.embedder.tokens, services.settings.chunk_tokens)
    return [
        chunk.text
        for text in texts
        for chunk in chunker.split(parse(text.encode(), "abstract.txt").text)
    ]


def _seconds_bare(services: Services, chunks: list[str]) -> float:
    began = time.perf_counter()
    services.embedder.embed_documents(chunks)
    return time.perf_counter() - began


def _seconds_ingest(services: Services, texts: list[str]) -> float:
    """From a full queue to an empty one, by the worker as `serve` runs it."""
    base = services.first_knowledge_base()
    for number, text in enumerate(texts):
        services.uploads.receive(base, f"abstract {number}.txt", [text.encode()])
    worker = services.worker()
    began = time.perf_counter()
    worker.start()
    while True:
        counts = services.jobs.counts()
        if not counts[JobState.READY] + counts[JobState.RUNNING]:
            break
        time.sleep(0.1)
    elapsed = time.perf_counter() - began
    worker.stop()
    if counts[JobState.FAILED]:
        raise SystemExit(f"{counts[JobState.FAILED]} documents failed.")
    return elapsed
