"""Taking a collection's corpus into a knowledge base of its own, by the ordinary ingest."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.documents.knowledge_bases import KnowledgeBaseStore
from app.documents.model import KnowledgeBase
from app.documents.store import DocumentStore
from app.embedding.embedder import Embedder
from app.errors import InvalidCollection, InvalidName, KnowledgeBaseNotFound
from app.evaluation.collection import Collection, CollectionDocument
from app.evaluation.naming import name_of
from app.indexes.recipe import Recipe
from app.indexes.store import IndexStore
from app.ingestion.deletion import Deletion
from app.ingestion.job import JobState
from app.ingestion.uploads import Uploads
from app.ingestion.watch import Watch
from app.ingestion.worker import Worker

LOOK_PAUSE = 0.3  # seconds between looks at the jobs
PAGE = 1000

Report = Callable[[str, int, int], None]
"""Takes what is being done, in a word, how much of it is done, and of how much."""


@dataclass(frozen=True)
class Loaded:
    """A knowledge base that holds a corpus.

    `documents` of the collection have text; `ingested` of them were new or changed; `failed` has
    those that could not be ingested, by name, with the reason.
    """

    base: KnowledgeBase
    documents: int
    ingested: int
    failed: dict[str, str]


@dataclass(frozen=True)
class Corpora:
    """Holds corpora; what is there already under the same recipe is not ingested again."""

    knowledge_bases: KnowledgeBaseStore
    documents: DocumentStore
    indexes: IndexStore
    uploads: Uploads
    deletion: Deletion
    new_worker: Callable[[], Worker]
    embedder: Embedder

    def load(self, collection: Collection, name: str, recipe: Recipe, report: Report) -> Loaded:
        """Make the knowledge base `name` hold the corpus, and nothing else, under `recipe`.

        Raises:
            InvalidCollection: a line of the corpus is wrong; nothing has been changed then.
        """
        wanted = dict(_digests(collection))
        base = self._base(name, recipe)
        changed = self._changed(base, wanted)
        failed = self._ingest(collection, base, changed, report) if changed else {}
        return Loaded(base, len(wanted), len(changed) - len(failed), failed)

    def _base(self, name: str, recipe: Recipe) -> KnowledgeBase:
        """The knowledge base, with an index under the recipe: made anew where it has another."""
        try:
            base = self.knowledge_bases.get(name)
            index = self.indexes.active(base.id)
            if index is None or index.recipe == recipe:
                self.indexes.ensure(base.id, recipe, self.embedder.function)
                return base
            self.knowledge_bases.delete(name)
        except KnowledgeBaseNotFound:
            pass
        base = self.knowledge_bases.create(name)
        self.indexes.ensure(base.id, recipe, self.embedder.function)
        return base

    def _changed(self, base: KnowledgeBase, wanted: dict[str, str]) -> set[str]:
        """The names that the base lacks or has with other bytes; what is too much goes."""
        changed = set(wanted)
        for document_id, name, digest in list(self._present(base)):
            if name not in wanted:
                self.deletion.delete(document_id)
            elif digest == wanted[name]:
                changed.remove(name)
        return changed

    def _present(self, base: KnowledgeBase) -> Iterator[tuple[int, str, str | None]]:
        offset = 0
        while page := self.documents.list(base.id, offset=offset, limit=PAGE):
            for document, revision in page:
                yield document.id, document.name, revision.content_hash if revision else None
            offset += len(page)

    def _ingest(
        self, collection: Collection, base: KnowledgeBase, changed: set[str], report: Report
    ) -> dict[str, str]:
        """Upload what changed, and work until it is in; what failed, with the reason."""
        failed: dict[str, str] = {}
        watch = Watch(self.uploads.jobs)
        worker = self.new_worker()
        worker.start()
        try:
            uploaded = 0
            for name, document in _named(collection):
                if name in changed:
                    receipt = self.uploads.receive(base, name, [_bytes(document)])
                    if receipt.job_id is not None:
                        watch.add(receipt.job_id)
                    uploaded += 1
                    report("uploaded", uploaded, len(changed))
            while watch.pending:
                for job_id, job in watch.look().items():
                    if job is None:
                        failed[f"job {job_id}"] = "Somebody deleted the document."
                    elif job.state is JobState.CANCELLED:
                        failed[job.document_name] = "Somebody cancelled its ingest."
                    elif job.state is JobState.FAILED:
                        failed[job.document_name] = f"{job.error} {job.remedy}"
                report("ingested", len(changed) - watch.pending, len(changed))
                time.sleep(LOOK_PAUSE if watch.pending else 0)
        finally:
            worker.stop()
        return failed


def _named(collection: Collection) -> Iterator[tuple[str, CollectionDocument]]:
    """The documents that have text, which alone can be found, by the names they get."""
    for document in collection.documents():
        if document.content.strip():
            try:
                yield name_of(document.id), document
            except InvalidName as error:
                raise InvalidCollection(
                    f"{str(collection.corpus)!r}, line {document.line}: the _id is too long.",
                    remedy="Give the document a shorter _id, in the judgements too.",
                ) from error


def _digests(collection: Collection) -> Iterator[tuple[str, str]]:
    for name, document in _named(collection):
        yield name, hashlib.sha256(_bytes(document)).hexdigest()


def _bytes(document: CollectionDocument) -> bytes:
    return document.content.encode(errors="replace")  # JSON can spell a lone surrogate
