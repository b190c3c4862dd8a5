"""Taking a knowledge base's file in: every hash is checked, and what is there is left as it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.documents.contents import load_sections
from app.documents.labels import Labels, checked_labels
from app.documents.model import KnowledgeBase, ParsedText, Section
from app.embedding.vectors import plain
from app.errors import AddressRefused, DamagedArchive, ProviderError
from app.indexes.chunks import ChunkStore, cut
from app.indexes.index import Index, NewChunk
from app.indexes.recipe import Recipe
from app.ingestion.fetching import Sources, Validators, as_header
from app.ingestion.ingest import CHUNKS_A_BATCH, Ingest
from app.ingestion.job import JobState
from app.ingestion.portable.archive import (
    DESCRIPTION,
    FIRST,
    LAST,
    QUESTIONS,
    ArchiveReader,
    JsonObject,
    folder_of,
    head_of,
    opened,
)
from app.ingestion.portable.query_help import Helped, QueryHelp
from app.ingestion.revision_chunks import chunks_of, contents_of
from app.ingestion.tables import JobRow
from app.ingestion.uploads import Reading, Receipt, Uploads

WAIT = timedelta(seconds=90)
"""How long workers leave a document to the import that brings its vectors too."""
WRITERS = 2  # documents that are stored at once
HELD = 8_000_000  # bytes of an original that waits in memory for its turn
DIGEST = 32  # bytes of a SHA-256
COMPONENT = 4  # bytes of a float32

Taken = Callable[[Receipt], None]
Vectors = dict[str, list[float]]


@dataclass(frozen=True)
class Imported:
    """What an archive held: its documents, those that were new, chunks that came with vectors.

    `helped` is what came beside the documents.
    """

    documents: int = 0
    new: int = 0
    chunks: int = 0
    helped: Helped = field(default_factory=Helped)


class _Taken(Exception):
    """A worker has taken the document's job, or somebody has deleted it: the rest is theirs."""


class _Revision(NamedTuple):
    document_id: int
    revision_id: int


@dataclass(frozen=True)
class _Read:
    """A document of an archive; if its original is still `in_archive`, nothing after it is read."""

    name: str
    parsed: ParsedText
    vectors: bytes
    original: Iterable[bytes]
    in_archive: bool
    content_hash: str
    media_type: str
    parser: str
    labels: Labels
    source: JsonObject | None


@dataclass(frozen=True)
class Import:
    database: Database
    uploads: Uploads
    ingest: Ingest
    query_help: QueryHelp
    sources: Sources

    def name(self, path: Path) -> str:
        """What the knowledge base was called that the archive was written from.

        Raises:
            DamagedArchive
        """
        with opened(path) as reader:
            return str(head_of(reader)["knowledge_base"])

    def read(self, base: KnowledgeBase, path: Path, taken: Taken) -> Imported:
        """Take every document of an archive into `base`, and what came beside them.

        A document is stored once all its files have been checked, with the text that was read out
        of it then; `taken` is told of each. Its vectors are used where the index is of the same
        model. An import that was interrupted is begun again: what is there is left as it is.

        Raises:
            DamagedArchive: it is no archive of Tidemark's, is cut off, or has wrong bytes. What was
                taken in before that is right, and stays.
            EmptyDocument, DocumentTooLarge, InvalidName: a document that this Tidemark refuses.
            InvalidRequest: there are too many questions, synonyms or saved searches then.
        """
        with opened(path) as reader:
            head = head_of(reader)
            recipe = Recipe(**head["recipe"]) if head["recipe"] else None
            target = _Target.of(self, base, recipe) if head["vectors"] and recipe else None
            done = Imported()
            for receipt, chunks in self._documents(reader, base, target, head):
                new = done.new + (receipt.job_id is not None)
                done = Imported(done.documents + 1, new, done.chunks + chunks)
                taken(receipt)
            beside = reader.json(QUESTIONS)
            sealed = reader.seal.sha256
            end = reader.json(LAST)
            if (end["sha256"], end["documents"]) != (sealed, done.documents):
                raise DamagedArchive(f"{FIRST} or another description in {path} was changed.")
            return replace(done, helped=self.query_help.take_in(base, beside))

    def _documents(
        self, reader: ArchiveReader, base: KnowledgeBase, target: _Target | None, head: JsonObject
    ) -> Iterator[tuple[Receipt, int]]:
        """Take the documents in, in order; the next are read and stored while one is stored.

        Each one's receipt, and how many chunks came with their vectors.
        """
        going: deque[Future[tuple[Receipt, int]]] = deque()
        with ThreadPoolExecutor(WRITERS, "import") as writers:
            for number in count():
                if reader.next_name() in {QUESTIONS, None}:
                    break
                try:
                    read = _read(reader, folder_of(number), vectors=bool(head["vectors"]))
                except DamagedArchive:
                    yield from (each.result() for each in going)  # which are right, and stay
                    raise
                going.append(writers.submit(self._store, base, read, target))
                while len(going) > (0 if read.in_archive else WRITERS):
                    yield going.popleft().result()
            yield from (each.result() for each in going)

    def _store(
        self, base: KnowledgeBase, read: _Read, target: _Target | None
    ) -> tuple[Receipt, int]:
        wait = WAIT if target else timedelta(0)
        reading = Reading(read.parsed, read.media_type, read.parser, wait)
        receipt = self.uploads.receive(base, read.name, read.original, read.labels, reading)
        if read.source:
            self._adopt(receipt.document_id, read.source, read.content_hash)
        laid = 0
        if target is not None and receipt.job_id is not None:
            try:
                laid = target.lay(receipt, read.parsed, read.vectors)
            finally:
                self.uploads.jobs.release_early(receipt.job_id)
        return receipt, laid

    def _adopt(self, document_id: int, source: JsonObject, content_hash: str) -> None:
        told = Validators(as_header(source.get("etag")), as_header(source.get("last_modified")))
        try:
            self.sources.adopt(document_id, str(source["url"]), told, str(content_hash))
        except AddressRefused as refused:
            raise DamagedArchive(f"The archive names an address wrongly. {refused.message}") from (
                refused
            )


@dataclass(frozen=True)
class _Target:
    """The index that an archive's vectors fit into."""

    importing: Import
    index: Index
    store: ChunkStore
    width: int
    """Of the archive's vectors, of which the index may use the beginning."""

    @classmethod
    def of(cls, importing: Import, base: KnowledgeBase, recipe: Recipe) -> _Target | None:
        """The base's index, if it takes vectors of `recipe`; a base without one is given that."""
        ingest = importing.ingest
        known = recipe.model == ingest.embedders.default.model
        index, embedder = ingest.index_of(base.id, recipe if known else None)
        if not index.recipe.takes_vectors_of(recipe):
            return None
        store = ChunkStore(importing.database, index, embedder)
        return cls(importing, index, store, recipe.dimensions)

    def lay(self, receipt: Receipt, text: ParsedText, packed: bytes) -> int:
        """Store a document's chunks with their vectors, as a worker that died at the end would.

        Whoever takes its job finds them there, and has only to let readers see them. How many.
        """
        assert receipt.job_id is not None  # noqa: S101 - by whoever calls
        job = self.importing.uploads.jobs.get(receipt.job_id)
        revision = _Revision(job.document_id, job.revision_id)
        vectors = self._unpacked(packed)
        chunks = chunks_of(revision, text, self.index, self.store.embedder)
        self.importing.ingest.publication.stage(self.index, {revision: contents_of(chunks)})
        done = self.store.stored([revision.revision_id]).get(revision.revision_id, 0)
        try:
            for start in range(done, len(chunks), CHUNKS_A_BATCH):
                batch = chunks[start : start + CHUNKS_A_BATCH]
                self._write(batch, vectors, receipt.job_id)
        except (_Taken, IntegrityError, ProviderError):
            return 0  # what is lacking, the worker that takes the job brings
        return sum(chunk.content_hash in vectors for chunk in chunks[done:])

    def _write(self, batch: Sequence[NewChunk], vectors: Vectors, job_id: int) -> None:
        def waiting(session: Session) -> None:
            row = session.get(JobRow, job_id, with_for_update=True)
            if row is None or row.state != JobState.READY:
                raise _Taken

        self.store.write(batch, vectors, waiting)

    def _unpacked(self, packed: bytes) -> Vectors:
        size = DIGEST + COMPONENT * self.width
        if len(packed) % size:
            raise DamagedArchive("A document's vectors in the archive have the wrong length.")
        record = np.dtype([("digest", f"V{DIGEST}"), ("vector", "<f4", (self.width,))])
        records = np.frombuffer(packed, record)
        vectors = records["vector"]
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise DamagedArchive("A document's vectors in the archive are no directions.")
        rows = plain(vectors)
        if self.width > self.index.recipe.dimensions:
            rows = [cut(row, self.index.recipe.dimensions) for row in rows]
        digests = (bytes(digest).hex() for digest in records["digest"])
        return dict(zip(digests, rows, strict=True))


def _read(reader: ArchiveReader, folder: str, *, vectors: bool) -> _Read:
    """The next document of an archive, checked; a large original is checked as it is stored."""
    said = reader.json(f"{folder}/{DESCRIPTION}")
    files = said["files"]
    text = reader.part(f"{folder}/text", files["text"]).decode()
    sections = reader.part(f"{folder}/sections.json", files["sections.json"]).decode()
    packed = reader.part(f"{folder}/vectors", files["vectors"]) if vectors else b""
    large = files["original"]["size"] > HELD
    original = reader.checked(f"{folder}/original", files["original"])
    return _Read(
        name=str(said["name"]),
        parsed=ParsedText(text, _checked_sections(sections, text), said["title"]),
        vectors=packed,
        original=original if large else list(original),
        in_archive=large,
        content_hash=str(files["original"]["sha256"]),
        media_type=str(said["media_type"])[:100],
        parser=str(said["parser"])[:100],
        labels=checked_labels(map(str, said["tags"]), dict(said["metadata"])),
        source=said.get("source"),
    )


def _checked_sections(dumped: str, text: str) -> tuple[Section, ...]:
    """Sections that follow each other within the text, as `Section` says."""
    sections = load_sections(dumped)
    at = 0
    for section in sections:
        if not at <= section.start <= section.end <= len(text):
            raise DamagedArchive("A document's sections in the archive do not fit its text.")
        at = section.end
    return sections
