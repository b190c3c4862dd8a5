"""How one server's searches by meaning grow with the number of chunks, up to a million of them.

The vectors are synthetic, written straight into the tables of an index; from `DISTINCT` on the
server copies those that are there, for whichever way looks at every row has as much to do.
`MILLION_ROWS` is how many there are in the end: 200,000. What a million would take is extrapolated
by a straight line through what was measured.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.config import Settings
from app.database.embedded import embedded_server_status
from app.database.tables import now
from app.evaluation.collection import read_collection
from app.indexes.chunk_table import chunk_id, chunk_table_name
from app.indexes.index import Index, Presence
from app.indexes.signatures import add_signatures, signature_columns, signature_table_name
from app.indexes.tables import IndexedRevisionRow
from app.indexes.vector_search import AT_ONCE
from app.opening import open_services
from app.services import Services
from benchmarks.measurement import Measurement
from benchmarks.serving import resident
from benchmarks.tidemark import own_settings

ROWS = int(os.environ.get("MILLION_ROWS", "200000"))
STEPS = 4  # sizes that are measured, up to all rows
MILLION = 1_000_000
DISTINCT = 10_000
A_REVISION = 500
COPIED = 10  # revisions in one statement: 15 MB
CHARACTERS = 900  # of a chunk: about 200 tokens
QUESTIONS = 15
WARMING = 3
K = 10
BEARABLE = 0.5  # seconds for the nearest vectors, after which people wait
LOOK_PAUSE = 0.1

Figures = dict[str, float]
"""What was measured at one size, by name."""


def measure(collections: Path) -> list[Measurement]:
    words = " ".join(d.content for d in read_collection(collections / "scifact").documents())
    with own_settings() as settings, open_services(settings, print) as services:
        base = services.first_knowledge_base()
        embedder = services.embedder
        index = services.indexes.ensure(base.id, services.ingest.new_recipe(), embedder.function)
        draw = np.random.default_rng(7)
        figures: dict[int, Figures] = {}
        began = time.perf_counter()
        for revision in range(1, ROWS // A_REVISION + 1, COPIED):
            if revision * A_REVISION < DISTINCT:
                for one in range(revision, revision + COPIED):
                    _write(services, index, one, draw, words)
            else:
                _copy(services, index, revision)
            rows = (revision - 1 + COPIED) * A_REVISION
            if rows % (ROWS // STEPS) == 0:
                took = time.perf_counter() - began
                print(f"{rows:,} rows, {took:.0f} s")
                figures[rows] = _figures(services, settings, index, draw)
        return list(_told(figures, index.recipe.dimensions))


def _write(
    services: Services, index: Index, revision: int, draw: np.random.Generator, words: str
) -> None:
    """A revision's chunks with their vectors and signatures, without words to search for."""
    vectors = draw.standard_normal((A_REVISION, index.recipe.dimensions), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    values: list[object] = []
    for ordinal, vector in enumerate(vectors.round(5).tolist()):
        start = (revision * A_REVISION + ordinal) * 37 % (len(words) - CHARACTERS)
        content, number = words[start : start + CHARACTERS], chunk_id(revision, ordinal)
        digest = f"{number:064x}"
        values += [number, revision, revision, 0, CHARACTERS, "[]", digest, content, str(vector)]
    one = "(%s,%s,%s,%s,%s,%s,%s,%s,%s)"

    def write(session: Session) -> None:
        session.connection().exec_driver_sql(
            f"INSERT INTO {chunk_table_name(index.id)} (id, document_id, revision_id, start, `end`,"  # noqa: S608
            f" section_path, content_hash, content, embedding) VALUES "
            + ", ".join([one] * A_REVISION),
            tuple(values),
        )
        by_id = {chunk_id(revision, n): vector for n, vector in enumerate(vectors)}
        add_signatures(session, index.id, by_id)
        session.add(_live(index, revision))

    services.database.transaction(write)


def _copy(services: Services, index: Index, revision: int) -> None:
    """Some revisions from `revision` on, out of the first ones there are, within the server."""
    source = revision % (DISTINCT // A_REVISION)
    by = revision - source
    first, last = chunk_id(source, 0), chunk_id(source + COPIED, 0) - 1
    shift = chunk_id(by, 0)
    bits = ", ".join(signature_columns(index.recipe.dimensions))

    chunks, signatures = chunk_table_name(index.id), signature_table_name(index.id)
    of_chunks = (
        f"INSERT INTO {chunks} (id, document_id, revision_id, start, `end`, section_path,"  # noqa: S608
        f" content_hash, content, embedding) SELECT id + {shift}, document_id + {by},"
        f" revision_id + {by}, start, `end`, section_path, SHA2(id + {shift}, 256), content,"
        f" embedding FROM {chunks} WHERE id BETWEEN {first} AND {last}"
    )
    of_signatures = (
        f"INSERT INTO {signatures} SELECT chunk_id + {shift}, {bits} FROM {signatures}"  # noqa: S608
        f" WHERE chunk_id BETWEEN {first} AND {last}"
    )

    def write(session: Session) -> None:
        for statement in (of_chunks, of_signatures):
            session.connection().exec_driver_sql(statement)
        session.add_all(_live(index, one) for one in range(revision, revision + COPIED))

    services.database.transaction(write)


def _live(index: Index, revision: int) -> IndexedRevisionRow:
    return IndexedRevisionRow(
        index_id=index.id,
        revision_id=revision,
        document_id=revision,
        state=Presence.LIVE,
        chunks=A_REVISION,
        changed_at=now(),
    )


def _figures(
    services: Services, settings: Settings, index: Index, draw: np.random.Generator
) -> Figures:
    """Seconds of both ways, and of TiDB in them; bytes of its memory and of the disk."""
    # What a process knows of an index is by its version, which an ingest would have counted up.
    services.retriever.vectors._known.clear()  # noqa: SLF001
    statement = text(
        "SELECT id, VEC_COSINE_DISTANCE(embedding, :v) AS d "  # noqa: S608 - a number of ours
        f"FROM {chunk_table_name(index.id)} ORDER BY d LIMIT {K}"
    )

    def exact(vector: Sequence[float]) -> None:
        services.database.transaction(
            lambda session: session.execute(statement, {"v": str(vector)}).all()
        )

    plans = set()

    def planned(vector: Sequence[float]) -> None:
        near = services.retriever.vectors.nearest(index, services.embedder, vector, K)
        plans.add(near.plan.way.value)

    pid = embedded_server_status(settings.data_dir).pid
    assert pid is not None  # noqa: S101 - it runs
    vectors = draw.standard_normal((QUESTIONS, index.recipe.dimensions)).tolist()
    with _most_memory(pid) as most:
        took: dict[str, list[float]] = {"exact": [], "planned": []}
        worked = {"exact": 0.0, "planned": 0.0}
        for number, vector in enumerate(vectors):
            for name, way in (("exact", exact), ("planned", planned)):
                began, before = time.perf_counter(), _processor_seconds(pid)
                way(vector)
                if number >= WARMING:
                    took[name].append(time.perf_counter() - began)
                    worked[name] += (_processor_seconds(pid) - before) / (QUESTIONS - WARMING)
        with ThreadPoolExecutor(AT_ONCE) as pool:  # as many as a process asks at a time
            list(pool.map(exact, vectors))
    if plans != {"signatures"}:
        raise SystemExit(f"The plan was {', '.join(sorted(plans))}.")
    folder = settings.data_dir
    disk = sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file())
    p50 = {name: statistics.median(times) for name, times in took.items()}
    return {
        **p50,
        **{f"{name}, worked": seconds for name, seconds in worked.items()},
        "memory": float(most()),
        "disk": float(disk),
    }


def _processor_seconds(pid: int) -> float:
    """What a process has worked, on all processors: however busy they are with other things."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _most_memory(pid: int) -> Iterator[Callable[[], int]]:
    """The most bytes that a process held while the context lasted, once it is over."""
    most, ended = [resident(pid)], threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_PAUSE):
            most[0] = max(most[0], resident(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: most[0]
    finally:
        ended.set()
        thread.join()


def _told(figures: Mapping[int, Figures], dimensions: int) -> Iterator[Measurement]:
    sizes = sorted(figures)
    for name, what, unit, scale in (
        ("exact", "nearest vectors, the plain exact statement, p50", "ms", 1000.0),
        ("planned", "nearest vectors by the plan, p50", "ms", 1000.0),
        ("exact, worked", "processor time of that statement in TiDB, mean", "ms", 1000.0),
        ("planned, worked", "processor time of the plan in TiDB, mean", "ms", 1000.0),
        ("memory", f"memory of TiDB, at most, with {AT_ONCE} exact searches at once", "GB", 1e-9),
        ("disk", "the data folder, without words and originals", "GB", 1e-9),
    ):
        measured = [figures[size][name] * scale for size in sizes]
        slope, base = np.polyfit(sizes, measured, 1)
        told = ", ".join(
            f"{size:,}: {value:.3g}" for size, value in zip(sizes, measured, strict=True)
        )
        detail = f"extrapolated; {told}; {dimensions} wide"
        if name == "planned" and slope > 0:
            detail += f"; {BEARABLE * 1000:.0f} ms at {(BEARABLE * 1000 - base) / slope:,.0f}"
        yield Measurement(
            f"{MILLION:,} chunks: {what}", float(base + slope * MILLION), unit, detail=detail
        )
