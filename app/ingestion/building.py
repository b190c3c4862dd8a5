"""Building an index beside the active one, from the stored revisions: nothing is parsed again.

Each revision is published in the index by itself, and what is stored of one is never done twice, so
a build that was paused, or whose worker died, goes on where it was. A document that the model
refuses is named with the reason, and the build goes on with the others. An index is ready only once
it holds every document's current revision, by count and by hash.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.documents.contents import load_sections, read_text
from app.documents.model import ParsedText
from app.documents.tables import RevisionRow
from app.embedding.embedder import Embedder
from app.embedding.spending import spending_on
from app.errors import DatabaseUnavailable, TextRefused, TidemarkError, VectorIndexFailed
from app.indexes.builds import (
    BuildClaim,
    BuildStopped,
    BuildStore,
    MissingRevision,
    RevisionsLeft,
    Work,
)
from app.indexes.chunks import ChunkStore, purpose_of
from app.indexes.courtesy import Courtesy
from app.indexes.embedders import Embedders
from app.indexes.index import Index, IndexState, NewChunk
from app.indexes.store import IndexStore
from app.ingestion.publication import Publication
from app.ingestion.revision_chunks import chunks_of, contents_of

log = logging.getLogger(__name__)

REVISIONS_AT_ONCE = 64
CHARACTERS_AT_ONCE = 200_000
CHUNKS_A_BATCH = 256
CHUNKS_WHILE_BUSY = 16
"""That are embedded between two looks whether somebody searches."""
UNSETTLED_PAUSE = 0.1  # seconds before another look where documents changed at the last moment
VECTOR_INDEX_PAUSE = 2.0  # seconds between looks how far TiFlash is
NOTE_PAUSE = 2.0  # seconds between notes of how far it is: TiDB keeps every version of a row


AWAY_PAUSE = 1.0  # seconds between looks for a TiDB that is away


class BuildFault(TidemarkError):
    """A build met what nobody thought of; it goes on after a pause."""

    retryable = True
    remedy = "It is tried again by itself; if it stays so, see the log for the cause."


class _Stopping(Exception):
    """The process ends: the build is given back."""


@dataclass(frozen=True)
class Building:
    """Builds the indexes that are to be built, one at a time.

    `when_ready` is told of each that is ready now: it may be scheduled to be promoted.
    """

    database: Database
    indexes: IndexStore
    builds: BuildStore
    embedders: Embedders
    publication: Publication
    courtesy: Courtesy
    when_ready: Callable[[Index], None] = field(default=lambda _: None)

    def run_next(self, stop: threading.Event) -> bool:
        """Build one index to its end, or until `stop`; False when there is none to be built."""
        claim = self.builds.claim()
        if claim is None:
            return False
        try:
            if claim.index.state is IndexState.BUILDING:
                self._build(claim, stop)
            self.when_ready(claim.index)
        except (_Stopping, BuildStopped):
            pass
        except DatabaseUnavailable as away:
            log.warning("The build of index %s waits: %s", claim.index.id, away.message)
        except TidemarkError as error:
            self.builds.set_back(claim.index.id, error, claim.owner)
        except Exception:
            fault = BuildFault("The build met a fault of Tidemark's own.")
            self.builds.set_back(claim.index.id, fault, claim.owner)
            raise
        finally:
            self._give_back(claim, stop)
        return not stop.is_set()

    def _give_back(self, claim: BuildClaim, stop: threading.Event) -> None:
        """Let the build go on as soon as TiDB is back, not when the lease ends."""
        while True:
            try:
                self.builds.release(claim)
            except DatabaseUnavailable:
                if stop.wait(AWAY_PAUSE):
                    return  # the lease will bring it back
            else:
                return

    def _build(self, claim: BuildClaim, stop: threading.Event) -> None:
        index = claim.index
        embedder = self.embedders.of(index.recipe)
        self.indexes.create_tables(index, embedder.function)
        sources = self.indexes.with_its_vectors(index)
        store = ChunkStore(self.database, index, embedder, sources)
        with ThreadPoolExecutor(1, "writing") as writing:
            run = _Run(self, claim, store, embedder, writing, stop)
            try:
                self._fill(index, run)
            except Exception:
                with suppress(BuildStopped, DatabaseUnavailable):
                    run.note()  # whatever ended it, what was done until then may have cost money
                raise

    def _fill(self, index: Index, run: _Run) -> None:
        """Give the index what it lacks, until it lacks nothing."""
        while True:
            last_id = 0
            while missing := self.builds.missing(
                index, last_id, REVISIONS_AT_ONCE, CHARACTERS_AT_ONCE
            ):
                run.fill(missing)
                run.note()
                last_id = missing[-1].revision_id
                if run.stop.is_set():
                    raise _Stopping
            run.settle()
            self._await_vector_index(index, run)
            if self.builds.finish(run.claim):
                return
            if run.stop.wait(UNSETTLED_PAUSE):
                raise _Stopping

    def _await_vector_index(self, index: Index, run: _Run) -> None:
        """Wait until the server finds by HNSW what was written, where it can have such an index.

        Raises:
            BuildStopped, _Stopping
            VectorIndexFailed: the server says that it cannot build it.
        """
        progress = self.indexes.vector_index_progress(index)
        if progress is None:
            return
        self.indexes.merge_recent_rows(index)
        while (progress := self.indexes.vector_index_progress(index)) and not progress.ready:
            if progress.error:
                raise VectorIndexFailed(f"{progress.told}.")
            log.info("Index %s: %s", index.id, progress.told)
            run.note()  # holds the lease
            if run.stop.wait(VECTOR_INDEX_PAUSE):
                raise _Stopping
        if not self.indexes.uses_vector_index(index):
            log.warning(
                "TiDB does not use the vector index of index %s, as EXPLAIN shows: it is searched "
                "exactly.",
                index.id,
            )


@dataclass
class _Run:
    """One claim's work on a build: the next is read and embedded while the last is written."""

    building: Building
    claim: BuildClaim
    store: ChunkStore
    embedder: Embedder
    writing: ThreadPoolExecutor
    stop: threading.Event
    _work: Work = field(default_factory=Work)
    _since: float = field(default_factory=time.monotonic)
    _written: Future[None] | None = None

    def fill(self, missing: Sequence[MissingRevision]) -> None:
        """Store the revisions' chunks, and let searches of the index find them.

        The last of it is still being written when this returns: see `settle`.

        Raises:
            BuildStopped, _Stopping
        """
        chunks = self._chunks(missing)
        wanted = {one.revision_id: one for one in missing if one.revision_id in chunks}
        self.building.publication.stage(
            self.claim.index,
            {
                (one.document_id, revision_id): contents_of(chunks[revision_id])
                for revision_id, one in wanted.items()
            },
        )
        done = self.store.stored(list(wanted))
        todo = [
            chunk
            for revision_id in wanted
            for chunk in chunks[revision_id][done.get(revision_id, 0) :]
        ]
        for start in range(0, len(todo), CHUNKS_A_BATCH):
            if self.stop.is_set():
                raise _Stopping
            batch = todo[start : start + CHUNKS_A_BATCH]
            vectors = self._accepted([c for c in batch if c.revision_id in wanted], wanted)
            self.settle()
            self._written = self.writing.submit(self._write, batch, vectors, wanted)
            if time.monotonic() - self._since > NOTE_PAUSE:
                self.note()
        self.settle()
        self._written = self.writing.submit(self._publish, wanted)

    def settle(self) -> None:
        """Wait until all that was to be written is.

        Raises:
            BuildStopped
        """
        written, self._written = self._written, None
        if written is not None:
            written.result()

    def note(self) -> None:
        """Write down what was done since the last time, and hold the lease.

        Raises:
            BuildStopped
        """
        work = replace(self._work, seconds=time.monotonic() - self._since)
        self._work, self._since = Work(), time.monotonic()
        self.building.builds.note(self.claim, work)

    def _publish(self, wanted: dict[int, MissingRevision]) -> None:
        while wanted:
            try:
                self.building.builds.publish(self.claim, list(wanted.values()))
            except RevisionsLeft as left:
                for revision_id in left.revision_ids:
                    wanted.pop(revision_id, None)
            else:
                return

    def _chunks(self, missing: Sequence[MissingRevision]) -> dict[int, list[NewChunk]]:
        def read(session: Session) -> dict[int, ParsedText]:
            texts = {}
            for one in missing:
                row = session.get(RevisionRow, one.revision_id)
                if row is not None:
                    sections = load_sections(row.section_map or "[]")
                    texts[one.revision_id] = ParsedText(read_text(session, row.id), sections)
            return texts

        texts = self.building.database.transaction(read)
        index = self.claim.index
        return {
            one.revision_id: chunks_of(one, texts[one.revision_id], index, self.embedder)
            for one in missing
            if one.revision_id in texts
        }

    def _accepted(
        self, batch: Sequence[NewChunk], wanted: dict[int, MissingRevision]
    ) -> dict[str, list[float]]:
        """As `_vectors`; revisions that the model refuses, and only they, leave `wanted`."""
        try:
            return self._vectors(batch)
        except TextRefused as error:
            of_revisions = {chunk.revision_id for chunk in batch}
            if len(of_revisions) == 1:
                for revision_id in of_revisions:
                    if one := wanted.pop(revision_id, None):
                        self.building.builds.refuse(self.claim, one, error)
                return {}
        vectors: dict[str, list[float]] = {}
        for revision_id in sorted(of_revisions):
            of_one = [chunk for chunk in batch if chunk.revision_id == revision_id]
            vectors |= self._accepted(of_one, wanted)
        return vectors

    def _vectors(self, batch: Sequence[NewChunk]) -> dict[str, list[float]]:
        """The vectors of the batch's texts, by hash: known ones, and the model's."""
        vectors = self.store.known_vectors(batch)
        texts = {c.content_hash: c.text for c in batch if c.content_hash not in vectors}
        reused = sum(chunk.content_hash in vectors for chunk in batch)
        why = purpose_of(self.claim.index, batch)
        try:
            for some in self._turns(list(texts.items())):
                with spending_on(why):
                    embedded = self.embedder.embed_documents([text for _, text in some])
                vectors |= dict(zip((key for key, _ in some), embedded, strict=True))
        finally:
            self._add(tokens=why.tally.tokens)
        self._add(embedded=len(batch) - reused, reused=reused)
        return vectors

    def _add(self, *, embedded: int = 0, reused: int = 0, tokens: int = 0) -> None:
        work = self._work
        self._work = Work(work.embedded + embedded, work.reused + reused, work.tokens + tokens)

    def _turns(self, texts: Sequence[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
        """The texts, few at a time while people search, who go first."""
        at = 0
        while at < len(texts):
            if self.stop.is_set():
                raise _Stopping
            size = self.building.courtesy.portion(CHUNKS_A_BATCH, CHUNKS_WHILE_BUSY)
            yield texts[at : at + size]
            at += size

    def _write(
        self,
        batch: Sequence[NewChunk],
        vectors: dict[str, list[float]],
        wanted: dict[int, MissingRevision],
    ) -> None:
        """Store a batch, without the revisions that left meanwhile."""
        while batch := [chunk for chunk in batch if chunk.revision_id in wanted]:
            revision_ids = {chunk.revision_id for chunk in batch}

            def held(session: Session, ids: set[int] = revision_ids) -> None:
                self.building.builds.require_held(session, self.claim, ids)

            try:
                self.store.write(batch, vectors, held)
            except RevisionsLeft as left:
                for revision_id in left.revision_ids:
                    wanted.pop(revision_id, None)
            except IntegrityError as taken:
                # Another worker has stored them, because this one was silent too long.
                raise BuildStopped from taken
            else:
                return
