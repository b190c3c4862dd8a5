"""The way from bytes to a searchable revision, for several documents at once.

Documents share batches of embedding and transactions, so that ten thousand small ones go as fast
as their chunks. Each stage's result is stored, and ids of chunks follow from the text: work that is
done again after a worker died goes on where it was, and doubles nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from app.database.connection import Database, error_number
from app.documents.contents import add_texts, blob_parts, load_sections, read_text
from app.documents.model import ParsedText
from app.documents.tables import RevisionRow
from app.embedding.embedder import Embedder
from app.errors import DatabaseUnavailable, KnowledgeBaseNotFound, TextRefused, TidemarkError
from app.indexes.builds import BuildStore
from app.indexes.chunks import ChunkStore
from app.indexes.courtesy import Courtesy
from app.indexes.embedders import Embedders
from app.indexes.index import Contents, Index, NewChunk
from app.indexes.recipe import Recipe
from app.indexes.store import IndexStore
from app.ingestion.job import Job, JobStage
from app.ingestion.job_store import JobStore
from app.ingestion.leases import Claim, LeaseLost, require_held
from app.ingestion.parsers.parser import Parsed
from app.ingestion.parsing import Parsing, ParsingStopped
from app.ingestion.publication import IndexSwitched, Publication
from app.ingestion.revision_chunks import chunks_of, contents_of
from app.telemetry import DOCUMENTS, span, stage

CHUNKS_A_BATCH = 128
"""That are embedded and then written at once: as long as that takes, it is in a search's way."""
CHUNKS_WHILE_BUSY = 32
"""The same, while people search in this process."""
NO_SUCH_TABLE = 1146
DELETED = "The document was deleted before it could be ingested."


@dataclass
class Progress:
    """How far a claim's jobs are: (stage, chunks done, chunks in all) by job id.

    `stop` ends it after the batch at hand; `lost` are jobs that were taken away from the claim.
    """

    of: dict[int, tuple[JobStage, int, int]] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    lost: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Ingest:
    database: Database
    jobs: JobStore
    indexes: IndexStore
    builds: BuildStore
    embedders: Embedders
    parsing: Parsing
    publication: Publication
    new_recipe: Callable[[], Recipe]
    courtesy: Courtesy

    def run(self, claim: Claim, progress: Progress) -> None:
        """Do the claim's jobs; each ends succeeded, failed or, where that may help, ready again.

        Raises:
            DatabaseUnavailable: TiDB is away, which is no fault of any document's.
        """
        with span("ingest", attributes={"tidemark.documents": len(claim.jobs)}):
            self._run(claim, progress)

    def _run(self, claim: Claim, progress: Progress) -> None:
        try:
            index, embedder = self.index_of(claim.jobs[0].knowledge_base_id)
        except DatabaseUnavailable:
            raise
        except TidemarkError as error:
            for job in claim.jobs:
                self.jobs.fail(claim, job, error)
            return
        try:
            texts = self._texts(claim, progress)
        except ParsingStopped:
            self.jobs.release(claim)
            return
        others = self.indexes.beside(index)
        beside = {other.id: self._fill(claim, other, texts, progress) for other in others}
        chunks = {job: chunks_of(job, text, index, embedder) for job, text in texts.items()}
        sources = self.indexes.with_its_vectors(index) if others else ()
        store = ChunkStore(self.database, index, embedder, sources)
        try:
            self._store(claim, store, chunks, progress, beside=beside)
        except IndexSwitched:
            self.jobs.release(claim)  # to be done again for the index that is active now

    def _fill(
        self, claim: Claim, index: Index, texts: dict[Job, ParsedText], progress: Progress
    ) -> set[int]:
        """Put the revisions into an index that is not active; those that it holds whole by then.

        What goes wrong here is no fault of the documents: the index is set back, and its build
        brings it what it lacks.
        """
        try:
            embedder = self.embedders.of(index.recipe)
            chunks = {job: chunks_of(job, text, index, embedder) for job, text in texts.items()}
            self.publication.stage(index, _staged(chunks))
            sources = self.indexes.with_its_vectors(index)
            store = ChunkStore(self.database, index, embedder, sources)
            done = store.stored([job.revision_id for job in chunks])
            for batch in _batches(dict(chunks), done, self._portion):
                if progress.stop.is_set():
                    return set()
                store.add(
                    [chunk for of_job in batch.values() for chunk in of_job],
                    partial(require_held, claim=claim, jobs=batch),
                )
        except (LeaseLost, IntegrityError):
            return set()  # others are at it: what is lacking then, the build brings
        except TextRefused:
            return set()  # the build finds out which document is at fault
        except ProgrammingError as failure:
            if error_number(failure) != NO_SUCH_TABLE:  # its build has not begun, or it was dropped
                raise
            return set()
        except DatabaseUnavailable:
            raise
        except TidemarkError as error:
            self.builds.set_back(index.id, error)
            return set()
        return {job.revision_id for job in chunks}

    def index_of(
        self, knowledge_base_id: int, recipe: Recipe | None = None
    ) -> tuple[Index, Embedder]:
        """The active index, made under `recipe` or that of the settings if there is none yet."""
        index = self.indexes.active(knowledge_base_id)
        if index is None:
            recipe = recipe or self.new_recipe()
            function = self.embedders.of(recipe).function
            index = self.indexes.ensure(knowledge_base_id, recipe, function)
        return index, self.embedders.of(index.recipe)

    def _texts(self, claim: Claim, progress: Progress) -> dict[Job, ParsedText]:
        """Each job's text: kept from an earlier attempt, or parsed now and kept."""
        texts: dict[Job, ParsedText] = {}
        parsed: dict[Job, Parsed] = {}
        kept = self._kept_texts(claim)
        for job in claim.jobs:
            progress.of[job.id] = (JobStage.PARSING, 0, 0)
            try:
                if job.revision_id in kept:
                    texts[job] = self._kept_text(job)
                else:
                    original = self._original(job)
                    name = job.document_name
                    with stage("ingest", "parse"):
                        parsed[job] = self.parsing.parse(original, name, progress.stop.is_set)
                    texts[job] = parsed[job].text
            except DatabaseUnavailable:
                raise
            except TidemarkError as error:
                self.jobs.fail(claim, job, error)
        rows = [
            (job.revision_id, p.text, p.media_type, f"{p.parser} {p.version}")
            for job, p in parsed.items()
        ]
        if rows:
            self.database.transaction(lambda session: add_texts(session, rows))
        return texts

    def _kept_texts(self, claim: Claim) -> set[int]:
        """The revisions that an earlier attempt has parsed: it may have been this job's or not."""

        def read(session: Session) -> set[int]:
            wanted = select(RevisionRow.id).where(
                RevisionRow.id.in_([job.revision_id for job in claim.jobs]),
                RevisionRow.text_parts.is_not(None),
            )
            return set(session.scalars(wanted))

        return self.database.transaction(read)

    def _kept_text(self, job: Job) -> ParsedText:
        def read(session: Session) -> ParsedText:
            row = session.get(RevisionRow, job.revision_id)
            if row is None:
                raise KnowledgeBaseNotFound(DELETED)
            sections = load_sections(row.section_map or "[]")
            return ParsedText(read_text(session, row.id), sections, row.title)

        return self.database.transaction(read)

    def _original(self, job: Job) -> bytes:
        def read(session: Session) -> bytes:
            if session.scalar(select(RevisionRow.id).where(RevisionRow.id == job.revision_id)):
                return b"".join(blob_parts(session, job.revision_id))
            raise KnowledgeBaseNotFound(DELETED)

        return self.database.transaction(read)

    def _store(
        self,
        claim: Claim,
        store: ChunkStore,
        chunks: dict[Job, list[NewChunk]],
        progress: Progress,
        *,
        beside: Mapping[int, Collection[int]],
    ) -> None:
        index = store.index
        counts = {job: len(of_job) for job, of_job in chunks.items()}
        self.publication.stage(index, _staged(chunks))
        # Asked even at a first attempt: a job may be the second of its revision.
        done = store.stored([job.revision_id for job in chunks])
        for job in chunks:
            progress.of[job.id] = (JobStage.EMBEDDING, done.get(job.revision_id, 0), counts[job])
        unfinished = dict(chunks)

        def publish(whole: dict[Job, int]) -> None:
            self.publication.publish(index, claim, whole, beside)

        for batch in _batches(unfinished, done, self._portion):
            if progress.stop.is_set():
                self.jobs.release(claim)
                return
            held = _without(batch, progress.lost, unfinished)
            self._add(claim, store, held, unfinished)
            for job, added in held.items():
                stage, before, total = progress.of[job.id]
                progress.of[job.id] = (stage, before + len(added), total)
            self._publish_whole(counts, unfinished, progress, publish)
        self._publish_whole(counts, unfinished, progress, publish)

    def _portion(self) -> int:
        return self.courtesy.portion(CHUNKS_A_BATCH, CHUNKS_WHILE_BUSY)

    def _add(
        self,
        claim: Claim,
        store: ChunkStore,
        batch: dict[Job, list[NewChunk]],
        unfinished: dict[Job, list[NewChunk]],
    ) -> None:
        try:
            store.add(
                [chunk for of_job in batch.values() for chunk in of_job],
                lambda session: require_held(session, claim, batch),
            )
        except LeaseLost as lost:
            self._add(claim, store, _without(batch, lost.job_ids, unfinished), unfinished)
        except IntegrityError:
            # Another worker has stored them, because this one was silent too long: they are its.
            if len(batch) == 1:
                _without(batch, {job.id for job in batch}, unfinished)
            else:
                self._add_one_by_one(claim, store, batch, unfinished)
        except DatabaseUnavailable:
            raise
        except TidemarkError as error:
            if len(batch) > 1 and not error.retryable:
                self._add_one_by_one(claim, store, batch, unfinished)
                return
            for job in batch:
                if isinstance(error, TextRefused):
                    self.publication.refuse(store.index, job.revision_id, error)
                self.jobs.fail(claim, job, error)
                unfinished.pop(job, None)

    def _add_one_by_one(
        self,
        claim: Claim,
        store: ChunkStore,
        batch: dict[Job, list[NewChunk]],
        unfinished: dict[Job, list[NewChunk]],
    ) -> None:
        """Let only the document at fault fail."""
        for job, of_job in batch.items():
            self._add(claim, store, {job: of_job}, unfinished)

    def _publish_whole(
        self,
        counts: dict[Job, int],
        unfinished: dict[Job, list[NewChunk]],
        progress: Progress,
        publish: Callable[[dict[Job, int]], None],
    ) -> None:
        whole = {job: counts[job] for job in unfinished if progress.of[job.id][1] >= counts[job]}
        with stage("ingest", "publish"):
            publish(whole)
        DOCUMENTS.labels("succeeded").inc(len(whole))
        for job in whole:
            del unfinished[job]


def _staged(chunks: Mapping[Job, list[NewChunk]]) -> dict[tuple[int, int], Contents]:
    return {(job.document_id, job.revision_id): contents_of(of) for job, of in chunks.items()}


def _batches(
    unfinished: dict[Job, list[NewChunk]], done: dict[int, int], portion: Callable[[], int]
) -> Iterator[dict[Job, list[NewChunk]]]:
    """Chunks not yet stored, by job, in order, as many at a time as `portion` says each time."""
    batch: dict[Job, list[NewChunk]] = {}
    size, most = 0, portion()
    for job in list(unfinished):
        # It may have been published or lost since the batches were begun.
        for chunk in unfinished.get(job, [])[done.get(job.revision_id, 0) :]:
            if job not in unfinished:
                break
            batch.setdefault(job, []).append(chunk)
            size += 1
            if size == most:
                yield batch
                batch, size, most = {}, 0, portion()
    if batch:
        yield batch


def _without(
    batch: dict[Job, list[NewChunk]],
    job_ids: Collection[int],
    unfinished: dict[Job, list[NewChunk]],
) -> dict[Job, list[NewChunk]]:
    """What is left of `batch` once those jobs are given up, here and in `unfinished`."""
    for job in [job for job in unfinished if job.id in job_ids]:
        del unfinished[job]
    return {job: chunks for job, chunks in batch.items() if job in unfinished}
