"""The map of each index, drawn once for each state of it."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from app.indexes.document_vectors import DocumentVectorReader, DocumentVectors
from app.indexes.index import Index
from app.mapping.document_map import DocumentMap, drawn

MOST_KEPT = 20
"""Maps that a process keeps; each is some MB with its documents' vectors."""


@dataclass(frozen=True)
class Drawing:
    """A map, and the vectors that it was drawn from."""

    vectors: DocumentVectors
    map: DocumentMap


@dataclass(frozen=True)
class Maps:
    """Draws one map at a time, in the background."""

    reader: DocumentVectorReader
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "maps"))
    _drawings: dict[int, tuple[int, Future[Drawing]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def drawing(self, index: Index) -> Drawing:
        """The map of the index, as it was when the drawing was begun; waits until it is done."""
        return self._future(index).result()

    def look(self, index: Index) -> Drawing | None:
        """The map if it is drawn; else None, and it is being drawn from then on."""
        future = self._future(index)
        return future.result() if future.done() else None

    def _future(self, index: Index) -> Future[Drawing]:
        with self._lock:
            known = self._drawings.get(index.id)
            failed = known is not None and known[1].done() and known[1].exception() is not None
            stale = known is not None and known[0] != index.version and known[1].done()
            if known is None or stale or failed:
                if len(self._drawings) >= MOST_KEPT:
                    self._drawings.pop(next(iter(self._drawings)))
                known = (index.version, self._pool.submit(self._draw, index))
                self._drawings[index.id] = known
            return known[1]

    def _draw(self, index: Index) -> Drawing:
        vectors = self.reader.read(index)
        return Drawing(vectors, drawn(vectors))
