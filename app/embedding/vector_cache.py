"""Vectors that a provider was asked for once, kept in TiDB for all processes.

Only for models that run elsewhere: the local one embeds a short text in about the time in which
its vector could be fetched.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now
from app.embedding.tables import KeptVectorRow
from app.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

Key = bytes
Vector = NDArray[np.float32]

_AT_ONCE = 256  # vectors in a statement: some megabytes
_CLEARED = 0.1  # of the most, so that not every batch has to clear


class VectorCache(Protocol):
    """Keeps vectors by what they were made of."""

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Vector]:
        """Those vectors that are there."""
        ...

    def write(self, vectors: Mapping[Key, Vector]) -> None: ...


class NoCache:
    """Keeps nothing."""

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Vector]:  # noqa: ARG002 - the protocol's
        return {}

    def write(self, vectors: Mapping[Key, Vector]) -> None:
        pass


@dataclass(frozen=True)
class TableCache:
    """Keeps at most `most` vectors, and gives up the oldest first.

    A TiDB that does not answer costs no embedding: it is as if nothing had been kept.
    """

    database: Database
    most: int

    def read(self, keys: Sequence[Key]) -> Mapping[Key, Vector]:
        def look(session: Session, *, part: Sequence[Key]) -> dict[Key, Vector]:
            rows = session.execute(
                select(KeptVectorRow.made_of, KeptVectorRow.vector).where(
                    KeptVectorRow.made_of.in_(part)
                )
            )
            return {key: np.frombuffer(vector, "<f4") for key, vector in rows}

        found: dict[Key, Vector] = {}
        try:
            for start in range(0, len(keys), _AT_ONCE):
                part = keys[start : start + _AT_ONCE]
                found |= self.database.transaction(partial(look, part=part))
        except DatabaseUnavailable as away:
            log.warning("Kept vectors cannot be read: %s", away.message)
        return found

    def write(self, vectors: Mapping[Key, Vector]) -> None:
        rows = [
            {"made_of": key, "vector": vector.astype("<f4").tobytes(), "kept_at": now()}
            for key, vector in vectors.items()
        ]

        def keep(session: Session, *, part: list[dict[str, object]]) -> None:
            session.execute(insert(KeptVectorRow).prefix_with("IGNORE").values(part))

        try:
            for start in range(0, len(rows), _AT_ONCE):
                part = rows[start : start + _AT_ONCE]
                self.database.transaction(partial(keep, part=part))
            self._clear()
        except DatabaseUnavailable as away:
            log.warning("Vectors cannot be kept: %s", away.message)

    def _clear(self) -> None:
        def clear(session: Session) -> None:
            count = session.scalar(select(func.count()).select_from(KeptVectorRow)) or 0
            if count <= self.most:
                return
            oldest = (
                select(KeptVectorRow.made_of)
                .order_by(KeptVectorRow.kept_at)
                .limit(count - self.most + int(self.most * _CLEARED))
            )
            keys = list(session.scalars(oldest))
            for start in range(0, len(keys), _AT_ONCE):
                part = keys[start : start + _AT_ONCE]
                session.execute(delete(KeptVectorRow).where(KeptVectorRow.made_of.in_(part)))

        self.database.transaction(clear)


def key_of(api_base: str, model: str, width: int, text: str) -> Key:
    """What a vector is kept under: everything that it depends on."""
    parts = (api_base, model, str(width), text)
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
