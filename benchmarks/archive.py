"""Export and import of a knowledge base against `cp` of its originals and bare inserts of its rows.

Originals are bytes that nothing compresses, as PDF files are, with as much text as such files have;
`ARCHIVE_DOCUMENTS` is how many: 200. They are embedded before anything is measured. An import ends
when every document is stored, with its job or, where vectors came along, with its chunks.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.documents.model import KnowledgeBase, ParsedText, Section
from app.evaluation.collection import read_collection
from app.indexes.chunk_table import chunk_table_name
from app.indexes.postings import postings_table_name
from app.indexes.signatures import signature_table_name
from app.ingestion.uploads import Reading
from app.opening import open_services
from app.services import Services
from benchmarks.measurement import Measurement
from benchmarks.tidemark import own_settings

DOCUMENTS = int(os.environ.get("ARCHIVE_DOCUMENTS", "200"))
BYTES = 500_000  # of an original
CHARACTERS = 25_000  # of its text: ten pages
TEXTS = 10  # that are different: a text is embedded once
OF_DOCUMENTS = ("documents", "revisions", "blobs", "revision_texts", "jobs")
OF_INDEXES = ("indexed_revisions",)
STATEMENT = 4_000_000  # bytes of rows in one, about
ROUNDS = 2

Row = tuple[Any, ...]


def measure(collections: Path) -> Iterator[Measurement]:
    words = " ".join(d.content for d in read_collection(collections / "scifact").documents())
    with (
        own_settings() as settings,
        open_services(settings, print) as services,
        tempfile.TemporaryDirectory(prefix="tidemark-bench-files-") as name,
    ):
        folder = Path(name)
        base = services.first_knowledge_base()
        _fill(services, base, folder / "originals", words)
        stored = _stored(services, base)
        documents = {table: rows for table, rows in stored.items() if table in OF_DOCUMENTS}
        yield _measured(services, base, folder, documents, vectors=False)
        yield _measured(services, base, folder, stored, vectors=True)


def _fill(services: Services, base: KnowledgeBase, folder: Path, words: str) -> None:
    folder.mkdir()
    draw = random.Random(7)
    for number in range(DOCUMENTS):
        data = draw.randbytes(BYTES)
        (folder / f"{number}.pdf").write_bytes(data)
        start = number % TEXTS * CHARACTERS
        read = ParsedText(words[start : start + CHARACTERS], (Section(0, CHARACTERS),))
        reading = Reading(read, "application/pdf", "benchmark", timedelta(0))
        services.uploads.receive(base, f"{number}.pdf", [data], read=reading)
    services.worker().drain()


def _measured(
    services: Services,
    base: KnowledgeBase,
    folder: Path,
    stored: Mapping[str, Sequence[Row]],
    *,
    vectors: bool,
) -> Measurement:
    """By turns with the reference, so that what else the machine does is in the way of both."""
    turns = []
    for number in range(ROUNDS):
        archive = folder / f"{number}-{vectors}.tar"
        bare = _bare(services, folder, stored)
        began = time.perf_counter()
        documents, size = services.exporter().write(base, archive, vectors=vectors)
        middle = time.perf_counter()
        other = services.knowledge_bases.create(f"other-{number}-{vectors}".lower())
        done = services.importer().read(other, archive, lambda _: None)
        turns.append((*bare, middle - began, time.perf_counter() - middle))
        if not documents == done.new == DOCUMENTS or bool(done.chunks) != vectors:
            raise SystemExit(f"{done.new} of {documents} documents came, {done.chunks} chunks.")
        archive.unlink()
        services.worker().drain()  # what the import began is not to be in the next turn's way
    copied, inserted, exported, imported = (min(side) for side in zip(*turns, strict=True))
    megabytes = size / 1_000_000
    with_vectors = " with vectors" if vectors else ""
    return Measurement(
        f"export and import{with_vectors}, by cp and bare inserts",
        (copied + inserted) / (exported + imported),
        "x",
        0.7,
        f"{megabytes:.0f} MB in {documents} originals: export {megabytes / exported:.0f} MB/s, "
        f"import {megabytes / imported:.0f} MB/s, cp {megabytes / copied:.0f} MB/s, "
        f"inserts {megabytes / inserted:.0f} MB/s; the better of {ROUNDS} turns",
    )


def _bare(
    services: Services, folder: Path, stored: Mapping[str, Sequence[Row]]
) -> tuple[float, float]:
    """The seconds of `cp`, flushed to the disk as an export is, and of inserting the rows."""
    began = time.perf_counter()
    copy = folder / "copy"
    shutil.copytree(folder / "originals", copy)
    os.sync()
    copied = time.perf_counter() - began
    shutil.rmtree(copy)
    return copied, sum(_seconds_inserted(services, *table) for table in stored.items())


def _stored(services: Services, base: KnowledgeBase) -> dict[str, Sequence[Row]]:
    """All rows of the only knowledge base that has documents, by table."""
    index = services.indexes.active(base.id)
    assert index is not None  # noqa: S101 - it has just been filled
    named = (chunk_table_name, postings_table_name, signature_table_name)
    tables = [*OF_DOCUMENTS, *OF_INDEXES, *(name(index.id) for name in named)]
    with services.database.engine.connect() as connection:
        return {
            table: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]  # noqa: S608
            for table in tables
        }


def _seconds_inserted(services: Services, table: str, rows: Sequence[Row]) -> float:
    """Of writing rows into an empty table like theirs, many in a statement."""
    size = sum(_size(value) for row in rows for value in row)
    most = max(1, len(rows) * STATEMENT // max(1, size))
    one = f"({', '.join(['%s'] * len(rows[0]))})"
    with services.database.engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE TABLE bare LIKE {table}")
        began = time.perf_counter()
        for start in range(0, len(rows), most):
            some = rows[start : start + most]
            connection.exec_driver_sql(
                f"INSERT INTO bare VALUES {', '.join([one] * len(some))}",  # noqa: S608
                tuple(value for row in some for value in row),
            )
            connection.commit()
        took = time.perf_counter() - began
        connection.exec_driver_sql("DROP TABLE bare")
    return took


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | bytes) else 8
