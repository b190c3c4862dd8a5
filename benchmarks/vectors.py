"""Nearest vectors by the plan against the plain exact statement: time, and what is missed."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import text

from app.database.tables import now
from app.evaluation.collection import read_collection
from app.indexes.chunk_table import chunk_table_name
from app.indexes.chunks import ChunkStore
from app.indexes.index import Index, NewChunk, Presence
from app.indexes.postings import ChunkTerms
from app.indexes.tables import IndexedRevisionRow
from app.opening import open_services
from app.services import Services
from benchmarks.measurement import Measurement
from benchmarks.tidemark import own_settings

CHUNKS = 50_000
QUESTIONS = 100
A_REVISION = 500
K = 10
COLLECTIONS = ("scifact", "anthropic-docs", "xquad-en", "codebase")
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\n")


def measure(collections: Path) -> list[Measurement]:
    texts = list(dict.fromkeys(_sentences(collections)))[:CHUNKS]
    asked = [list(read_collection(collections / c).questions.values()) for c in COLLECTIONS]
    questions = [question for one in zip(*asked, strict=False) for question in one][:QUESTIONS]
    with own_settings() as settings, open_services(settings, print) as services:
        index = _filled(services, texts)
        return _measured(services, index, questions, len(texts))


def _sentences(collections: Path) -> Iterator[str]:
    for name in COLLECTIONS:
        for document in read_collection(collections / name).documents():
            yield from (s.strip() for s in SENTENCE.split(document.content) if len(s) > K)


def _filled(services: Services, texts: Sequence[str]) -> Index:
    """An index of these texts, each a chunk; their words are left out, for nobody asks for them."""
    base = services.first_knowledge_base()
    embedder = services.embedder
    index = services.indexes.ensure(base.id, services.ingest.new_recipe(), embedder.function)
    store = ChunkStore(services.database, index, embedder)
    for revision, first in enumerate(range(0, len(texts), A_REVISION), start=1):
        chunks = [
            NewChunk(
                document_id=revision,
                revision_id=revision,
                ordinal=ordinal,
                start=0,
                end=len(one),
                text=one,
                section_path=(),
                page=None,
                terms=ChunkTerms.of(0, "", "en"),
                language="en",
            )
            for ordinal, one in enumerate(texts[first : first + A_REVISION])
        ]
        row = {
            "index_id": index.id,
            "revision_id": revision,
            "document_id": revision,
            "state": Presence.LIVE,
            "chunks": len(chunks),
            "changed_at": now(),
        }
        store.add(chunks, lambda session, row=row: session.add(IndexedRevisionRow(**row)))
    return index


def _measured(
    services: Services, index: Index, questions: Sequence[str], chunks: int
) -> list[Measurement]:
    plain = text(
        "SELECT id, VEC_COSINE_DISTANCE(embedding, :v) AS d "  # noqa: S608 - a number of ours
        f"FROM {chunk_table_name(index.id)} ORDER BY d LIMIT {K}"
    )
    took: dict[str, list[float]] = {"plain": [], "planned": []}
    found = 0
    plans = set()
    for number, question in enumerate(questions):
        vector = services.embedder.embed_query(question)
        began = time.perf_counter()
        exact = services.database.transaction(
            lambda session, v=str(vector): [row[0] for row in session.execute(plain, {"v": v})]
        )
        between = time.perf_counter()
        near = services.retriever.vectors.nearest(index, services.embedder, vector, K)
        done = time.perf_counter()
        plans.add(near.plan.way)
        found += len({one.chunk_id for one in near.found}.intersection(exact))
        if number >= 5:  # warm by then
            took["plain"].append(1000 * (between - began))
            took["planned"].append(1000 * (done - between))
    p50 = {name: statistics.median(times) for name, times in took.items()}
    detail = ", ".join(f"{name} {milliseconds:.1f} ms" for name, milliseconds in p50.items())
    how = f"{chunks:,} real texts x {index.recipe.dimensions}, plan {', '.join(sorted(plans))}"
    return [
        Measurement(
            "nearest vectors against the plain exact statement, p50",
            p50["planned"] / p50["plain"],
            "x",
            0.4,
            f"{detail}; {how}",
            at_most=True,
        ),
        Measurement(
            "recall@10 of the nearest vectors", found / (K * len(questions)), "", 0.99, how
        ),
    ]
