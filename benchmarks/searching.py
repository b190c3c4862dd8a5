"""Search of a large index over HTTP: against its bare statements, from the cache, by many."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar
from unittest.mock import patch

import httpx
from sqlalchemy import text

from app.config import load_settings
from app.database.connection import Database
from app.embedding.making import make_embedder
from app.evaluation.collection import read_collection
from app.indexes import chunks as chunk_store
from app.indexes.analysis import question_terms
from app.indexes.chunk_table import chunk_table_name
from app.indexes.keyword_search import KeywordSearch, _Postings
from app.indexes.postings import ChunkTerms, postings_table_name
from app.indexes.scope import Scope
from app.indexes.signatures import first_pass
from app.indexes.store import IndexStore
from app.indexes.vector_plan import FEWEST_CANDIDATES, PAYS_FROM
from app.opening import open_services
from app.retrieval.retriever import CANDIDATES
from benchmarks.ingest import _seconds_ingest, _texts
from benchmarks.measurement import Measurement
from benchmarks.serving import BASE, filled, joined, resident, running
from benchmarks.tidemark import own_settings

CHUNKS = 50_000
QUERIES = 100
WARMING = 5
AGAIN = 100  # times that a question is asked again
CLIENTS = 32
EACH = 10  # questions of each client

P = ParamSpec("P")
T = TypeVar("T")


def measure(collections: Path) -> list[Measurement]:
    collection = read_collection(collections / "scifact")
    questions = list(collection.questions.values())[: QUERIES + WARMING]
    folder, chunks = filled(collections, CHUNKS)
    with running(folder.name) as (client, _, process), joined(folder.name) as database:
        return [
            *_hybrid(client, database, questions, chunks),
            _cached(client, questions[0]),
            *_many(client, questions, lambda: resident(process.pid)),
            _postings(collections),
        ]


def _ask(client: httpx.Client, question: str) -> float:
    """The milliseconds that a search takes."""
    began = time.perf_counter()
    client.get(f"{BASE}/search", params={"q": question}).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def _hybrid(
    client: httpx.Client, database: Database, questions: Sequence[str], chunks: int
) -> Iterator[Measurement]:
    """Against the embedding with the statement for vectors, and that for words, run at once."""
    embedder = make_embedder(load_settings(), print)
    index = IndexStore(database).active(1)
    assert index is not None  # noqa: S101 - it has just been filled
    words = KeywordSearch(database)
    languages = words.languages(index)

    def meaning(question: str) -> None:
        vector = embedder.embed_query(question)
        distance = "VEC_COSINE_DISTANCE(c.embedding, :vector) AS d"
        ordered = f"ORDER BY d LIMIT {CANDIDATES}"
        table, values = f"{chunk_table_name(index.id)} c", {"vector": str(list(vector))}
        statement = f"SELECT c.id, {distance} FROM {table} {ordered}"  # noqa: S608
        if chunks >= PAYS_FROM:
            first, values_of_first = first_pass(index.id, vector)
            most = max(FEWEST_CANDIDATES, 10 * CANDIDATES)
            statement = (
                f"SELECT /*+ INL_JOIN(c) */ c.id, {distance} "  # noqa: S608
                f"FROM ({first} ORDER BY far LIMIT {most}) near JOIN {table} "
                f"ON c.id = near.chunk_id {ordered}"
            )
            values |= values_of_first
        with database.engine.connect() as connection:
            connection.execute(text(statement), values).all()

    def by_words(idf: dict[str, float]) -> None:
        def best(session: object) -> None:
            _bare_words(session).best(idf, CANDIDATES)

        if idf:
            database.transaction(best)

    def _bare_words(session: object) -> _Postings:
        table = postings_table_name(index.id)
        return _Postings(session, table, scope, words._corpora[index.id][1])  # type: ignore[arg-type] # noqa: SLF001

    def _idf(postings: _Postings, terms: Sequence[str]) -> dict[str, float]:
        return postings.idf(postings.counts(terms))

    scope = database.transaction(lambda session: Scope.of(session, index.id))
    took: dict[str, list[float]] = {"bare, at once": [], "over HTTP": []}
    with ThreadPoolExecutor(1) as beside:
        for number, question in enumerate(questions):
            terms = list(question_terms(question, languages))
            idf = database.transaction(lambda s, terms=terms: _idf(_bare_words(s), terms))
            began = time.perf_counter()
            other = beside.submit(by_words, idf)
            meaning(question)
            other.result()
            bare = 1000 * (time.perf_counter() - began)
            searched = _ask(client, question)
            if number >= WARMING:
                took["bare, at once"].append(bare)
                took["over HTTP"].append(searched)
    p50 = {name: statistics.median(times) for name, times in took.items()}
    detail = ", ".join(f"{name} {milliseconds:.1f} ms" for name, milliseconds in p50.items())
    yield Measurement(
        "hybrid search over HTTP against its bare statements run at once, p50",
        p50["over HTTP"] / p50["bare, at once"],
        "x",
        1.15,
        f"{detail}, {chunks:,} chunks",
        at_most=True,
    )


def _cached(client: httpx.Client, question: str) -> Measurement:
    _ask(client, question)
    took = [_ask(client, question) for _ in range(AGAIN)]
    return Measurement(
        "a question that is asked again, p50",
        statistics.median(took),
        "ms",
        5,
        f"{AGAIN} times, over HTTP",
        at_most=True,
    )


def _many(
    client: httpx.Client, questions: Sequence[str], held: Callable[[], int]
) -> Iterator[Measurement]:
    """Many clients at once, each with questions that nobody asked before."""
    before = held()

    def ask(number: int) -> list[float]:
        with httpx.Client(base_url=client.base_url, timeout=600) as own:
            return [
                _ask(own, f"{questions[(number * EACH + n) % len(questions)]} {number} {n}")
                for n in range(EACH)
            ]

    with ThreadPoolExecutor(CLIENTS) as pool:
        took = sorted(each for times in pool.map(ask, range(CLIENTS)) for each in times)
    p50, p99 = statistics.median(took), took[int(0.99 * len(took))]
    yield Measurement(
        f"{CLIENTS} clients at once, p99 against p50",
        p99 / p50,
        "x",
        8,
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, {len(took)} searches without an error",
        at_most=True,
    )
    yield Measurement(
        f"memory that {CLIENTS} clients add to the server",
        (held() - before) / 1_000_000,
        "MB",
        None,
        f"{before / 1_000_000:.0f} MB before",
    )


def _postings(collections: Path) -> Measurement:
    """The share of an ingest that goes into words: analysing them, and writing their postings."""
    spent = [0.0]

    def timed(work: Callable[P, T]) -> Callable[P, T]:
        def run(*given: P.args, **named: P.kwargs) -> T:
            began = time.perf_counter()
            try:
                return work(*given, **named)
            finally:
                spent[0] += time.perf_counter() - began

        return run

    @contextmanager
    def watched() -> Iterator[None]:
        with (
            patch.object(chunk_store, "add_postings", timed(chunk_store.add_postings)),
            patch.object(ChunkTerms, "of", timed(ChunkTerms.of)),
        ):
            yield

    with own_settings() as settings, open_services(settings, print) as services, watched():
        services.embedder.embed_documents(["warm"] * 64)
        whole = _seconds_ingest(services, _texts(collections / "scifact"))
    return Measurement(
        "postings' share of an ingest",
        spent[0] / whole,
        "",
        0.15,
        f"{spent[0]:.1f} of {whole:.1f} s",
        at_most=True,
    )
