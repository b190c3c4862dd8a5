"""What was found for questions that were asked before, for as long as nothing has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.indexes.index import Index
from app.retrieval.query import Query

T = TypeVar("T")

Key = tuple[tuple[tuple[int, int], ...], Query, int]
"""Indexes with their versions, what is asked, and how many passages."""

HEAVIEST = 5_000
"""Passages that are kept in all: some 10 MB."""


@dataclass(frozen=True)
class QueryCache(Generic[T]):
    """The least recently asked goes first. A change of the index has another version: another key.

    Labels of documents change without one, so what is filtered by them is not to be kept.
    """

    heaviest: int = HEAVIEST
    _kept: OrderedDict[Key, tuple[int, T]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @staticmethod
    def key(indexes: Sequence[Index], query: Query, top_k: int) -> Key | None:
        """None for what is not to be kept."""
        if query.filter:
            return None
        return tuple((index.id, index.version) for index in indexes), query, top_k

    def get(self, key: Key | None) -> T | None:
        if key is None:
            return None
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][1]

    def keep(self, key: Key | None, found: T, passages: int) -> None:
        if key is None:
            return
        with self._lock:
            self._kept[key] = (passages + 1, found)
            self._kept.move_to_end(key)
            weight = sum(weight for weight, _ in self._kept.values())
            while weight > self.heaviest and self._kept:
                _, (gone, _) = self._kept.popitem(last=False)
                weight -= gone
