"""Writing a knowledge base to a file, which may be interrupted and begun again."""

from __future__ import annotations

import json
import tarfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np

from app.database.connection import Database
from app.documents.contents import dump_sections
from app.documents.labels import Labels
from app.documents.model import Document, KnowledgeBase, ParsedText, Revision
from app.documents.store import DocumentStore
from app.errors import DocumentNotFound, RevisionNotFound
from app.indexes.chunks import vectors_of
from app.indexes.index import Index
from app.indexes.store import IndexStore
from app.ingestion.fetching import Sources
from app.ingestion.portable.archive import (
    DESCRIPTION,
    FIRST,
    FORMAT,
    LAST,
    QUESTIONS,
    ArchiveWriter,
    JsonObject,
    Parts,
    Seal,
    appended,
    folder_of,
    sized,
)
from app.ingestion.portable.query_help import QueryHelp

PAGE = 200  # documents that are listed at once
READERS = 2  # documents that are read at once, ahead of the one that is being written

Report = Callable[[int, int], None]
"""Told how many documents, and how many bytes of originals, are written."""


def unheard(_: int, __: int) -> None:
    """Nobody asks how far it is."""


@dataclass
class _Written:
    """How far an archive is: where its last whole document ends, and what is in it so far."""

    offset: int = 0
    documents: int = 0
    size: int = 0
    last_id: int = 0
    seal: Seal = field(default_factory=Seal)


@dataclass(frozen=True)
class _Read:
    """A document as it is written; of its original, the first part is read."""

    document: Document
    revision: Revision
    labels: Labels
    source: Mapping[str, str | None] | None
    files: Mapping[str, bytes]
    original: Iterator[bytes]


@dataclass(frozen=True)
class Export:
    database: Database
    documents: DocumentStore
    indexes: IndexStore
    query_help: QueryHelp
    sources: Sources

    def write(
        self, base: KnowledgeBase, path: Path, *, vectors: bool = False, report: Report = unheard
    ) -> tuple[int, int]:
        """Write the knowledge base to `path`; (documents, bytes of their originals).

        A few documents are in memory at a time, of each original one part. It grows as
        `<path>.part`, and has its name once it is whole. One that was interrupted goes on after the
        last whole document. A document whose first ingest has not ended is left out.
        """
        index = self.indexes.active(base.id)
        head = {
            "format": FORMAT,
            "knowledge_base": base.name,
            "vectors": vectors and index is not None,
            "recipe": asdict(index.recipe) if index else None,
        }
        unfinished = path.with_name(path.name + ".part")
        with unfinished.open("r+b" if unfinished.exists() else "w+b") as file:
            at = _written(file, head)
            file.truncate(at.offset)
            file.seek(at.offset)
            with appended(file, at.seal) as archive:
                if at.offset == 0:
                    moment = datetime.now(UTC).isoformat(timespec="seconds")
                    archive.add_json(FIRST, {**head, "exported_at": moment})
                for read in self._read_ahead(base, at.last_id, index if vectors else None):
                    _add(archive, at.documents, read)
                    at.documents += 1
                    at.size += read.revision.size
                    report(at.documents, at.size)
                archive.add_json(QUESTIONS, self.query_help.of(base))
                end = {"documents": at.documents, "bytes": at.size, "sha256": at.seal.sha256}
                archive.add_json(LAST, end)
        unfinished.replace(path)
        return at.documents, at.size

    def _documents(self, base: KnowledgeBase, last_id: int) -> Iterator[tuple[Document, Revision]]:
        while page := self.documents.after(base.id, last_id, PAGE):
            yield from page
            last_id = page[-1][0].id

    def _read_ahead(
        self, base: KnowledgeBase, last_id: int, index: Index | None
    ) -> Iterator[_Read]:
        """The documents after that one, in order; the next are read while one is written."""
        ahead: deque[Future[_Read | None]] = deque()
        with ThreadPoolExecutor(READERS, "export") as readers:
            for document, revision in self._documents(base, last_id):
                ahead.append(readers.submit(self._read, document, revision, index))
                if len(ahead) > READERS and (read := ahead.popleft().result()):
                    yield read
            for each in ahead:
                if read := each.result():
                    yield read

    def _read(self, document: Document, revision: Revision, index: Index | None) -> _Read | None:
        """A document, read; None if it was deleted meanwhile."""
        try:
            labels = self.documents.labels([document.id])[document.id]
            _, parsed = self.documents.text(document.id, revision.id)
            parts = self.documents.original(revision)
            original = chain([next(parts)], parts)
        except (DocumentNotFound, RevisionNotFound):
            return None
        files = {"text": parsed.text.encode(), "sections.json": _sections(parsed)}
        if index is not None:
            files["vectors"] = _packed(vectors_of(self.database, index, revision.id))
        source = self.sources.described(document.id)
        return _Read(document, revision, labels, source, files, original)


def _add(archive: ArchiveWriter, number: int, read: _Read) -> None:
    revision, folder = read.revision, folder_of(number)
    original = {"size": revision.size, "sha256": revision.content_hash}
    archive.add_json(
        f"{folder}/{DESCRIPTION}",
        {
            "id": read.document.id,
            "name": read.document.name,
            "tags": list(read.labels.tags),
            "metadata": dict(read.labels.metadata),
            "source": read.source,
            "title": revision.title,
            "media_type": revision.media_type,
            "parser": revision.parser,
            "revision": revision.number,
            "uploaded_at": revision.created_at.isoformat(),
            "files": {name: sized(data) for name, data in read.files.items()}
            | {"original": original},
        },
    )
    for name, data in read.files.items():
        archive.add(f"{folder}/{name}", data)
    archive.add_stream(f"{folder}/original", revision.size, Parts.stream(read.original))


def _sections(parsed: ParsedText) -> bytes:
    return dump_sections(parsed.sections).encode()


def _packed(vectors: dict[str, list[float]]) -> bytes:
    """Each chunk's text's SHA-256, 32 bytes, and its vector, in little-endian float32."""
    return b"".join(
        bytes.fromhex(digest) + np.asarray(vector, "<f4").tobytes()
        for digest, vector in vectors.items()
    )


def _written(file: IO[bytes], head: JsonObject) -> _Written:
    """How far an earlier, interrupted export of the same came; nothing, if it is another one's."""
    whole = file.seek(0, 2)
    file.seek(0)
    at, described = _Written(), b""
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                end = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                content = archive.extractfile(member)
                if end > whole or content is None:
                    break
                folder, _, name = member.name.rpartition("/")
                if name == FIRST:
                    data = content.read()
                    said = json.loads(data)
                    if {key: said.get(key) for key in head} != head:
                        break
                    at.offset = end
                    at.seal.add(data)
                elif name == DESCRIPTION:
                    described = content.read()
                elif name == "original" and folder == folder_of(at.documents):
                    at.seal.add(described)
                    at.offset, at.last_id = end, json.loads(described)["id"]
                    at.documents += 1
                    at.size += member.size
    except (tarfile.TarError, EOFError, ValueError, KeyError):
        pass  # torn where it was interrupted: what came before is whole
    return at
