"""Which stage of an ingest a kill meets, as TiDB tells; and having it meet the shortest of them.

From the commit of a document's last chunks to that of the switch takes some hundredths of a second:
kills at random instants hardly ever meet it. It lasts as long as somebody else holds one of its
rows, though, as another process may.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DBAPIError

from app.indexes.chunk_table import chunk_ids_of, chunk_table_name

LONGEST_AIM = 20.0  # seconds; then whatever there is by then is killed
LOOK = 0.005  # seconds between looks
AFTER = 0.05  # seconds, at most, from when a publication is met to the kill
MANY = 20  # kills, of which some must have met a publication


class Stage(StrEnum):
    """Where work stopped; the furthest, if it was at several documents."""

    IDLE = "between jobs"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    PUBLISHING = "publishing"


@dataclass
class Kills:
    """Aims every second of them, and counts which stages they met."""

    chance: Random
    met: Counter[str] = field(default_factory=Counter)
    _aimed: bool = False
    _whole_before: frozenset[int] = frozenset()

    def begin(self, engine: Engine) -> None:
        """To be called before who is to be killed begins: what is stored is not its doing."""
        with engine.connect() as connection:
            staged = connection.execute(
                text(
                    "SELECT index_id, revision_id, chunks FROM indexed_revisions "
                    "WHERE state = 'staged'"
                )
            ).all()
        whole = (row.revision_id for row in staged if _is_whole(engine, row))
        self._whole_before = frozenset(whole)

    def aim(self, engine: Engine, kill: Callable[[], None]) -> bool:
        """Kill at a publication, if it is this one's turn; whether that was done.

        That is when all chunks of some document are stored, and none of them can be found yet. Who
        publishes it waits in the middle of the switch then, for a row that is held here; or goes on
        with it, for the row has just been let go. Should no document come so far in time, the kill
        comes all the same.
        """
        self._aimed = not self._aimed
        if not self._aimed:
            return False
        holder = engine.connect()
        with suppress(DBAPIError):  # a lock may be waited for too long, as anybody's
            self._hold_a_publication(engine, holder)
            if self.chance.random() < 1 / 2:
                holder.rollback()
        time.sleep(self.chance.random() * AFTER)
        kill()
        with suppress(DBAPIError):  # TiDB may be what was killed
            holder.close()
        return True

    def note(self, engine: Engine, victim: str) -> None:
        """Count what a kill met: to be called before the jobs are given to others."""
        jobs = _running(engine)
        staged = self._staged(jobs)
        stage = Stage.PARSING if jobs else Stage.IDLE
        if staged:
            met = any(_is_whole(engine, row) for row in staged)
            stage = Stage.PUBLISHING if met else Stage.EMBEDDING
        self.met[f"{victim}, {stage}"] += 1

    def check(self, say: Callable[[str], None]) -> None:
        """Tell what was met; and fail if many kills never met a publication."""
        say(f"\n{self.met.total()} kills met: {dict(sorted(self.met.items()))}")
        published = sum(n for what, n in self.met.items() if what.endswith(Stage.PUBLISHING))
        assert published or self.met.total() < MANY, "no kill met a publication"

    def _hold_a_publication(self, engine: Engine, holder: Connection) -> None:
        """Hold the row of a revision that is staged, from before all of its chunks are stored."""
        deadline = time.monotonic() + LONGEST_AIM
        while time.monotonic() < deadline:
            staged = self._staged(_running(engine))
            if staged:
                row = self.chance.choice(staged)
                state = holder.execute(
                    text(
                        "SELECT state FROM indexed_revisions "
                        "WHERE index_id = :index_id AND revision_id = :revision_id FOR UPDATE"
                    ),
                    {"index_id": row.index_id, "revision_id": row.revision_id},
                ).scalar()
                # Its job may be taken away meanwhile, by another version or by a deletion.
                while state == "staged" and time.monotonic() < deadline:
                    if _is_whole(engine, row):
                        return
                    time.sleep(LOOK)
                    state = "staged" if row in self._staged(_running(engine)) else "given up"
                holder.rollback()
            time.sleep(LOOK)

    def _staged(self, jobs: Sequence[Row[Any]]) -> list[Row[Any]]:
        return [
            row
            for row in jobs
            if row.revision_id is not None and row.revision_id not in self._whole_before
        ]


def let_leases_end(engine: Engine) -> None:
    """Let others take the jobs of those who were killed at once, as they would a minute later."""
    with engine.begin() as connection:
        held = connection.execute(text("SELECT id FROM jobs WHERE state = 'running'")).scalars()
        # By key, for what the dead had begun may still be undone: see `Database.transaction`.
        for job_id in held.all():
            connection.execute(
                text("UPDATE jobs SET lease_until = '2020-01-01', attempts = 1 WHERE id = :id"),
                {"id": job_id},
            )


def _running(engine: Engine) -> Sequence[Row[Any]]:
    """Each job that somebody holds, with the revision that is staged for it, if it is so far."""
    with engine.connect() as connection:
        return connection.execute(
            text(
                "SELECT x.index_id, x.revision_id, x.chunks FROM jobs j "
                "LEFT JOIN indexes i ON i.knowledge_base_id = j.knowledge_base_id "
                "AND i.state = 'active' "
                "LEFT JOIN indexed_revisions x ON x.index_id = i.id "
                "AND x.revision_id = j.revision_id AND x.state = 'staged' "
                "WHERE j.state = 'running' AND j.lease_until > UTC_TIMESTAMP() ORDER BY j.id"
            )
        ).all()


def _is_whole(engine: Engine, row: Row[Any]) -> bool:
    first, last = chunk_ids_of(row.revision_id)
    with engine.connect() as connection:
        stored = connection.execute(
            text(
                f"SELECT COUNT(*) FROM {chunk_table_name(row.index_id)} "  # noqa: S608
                "WHERE id >= :first AND id < :last"
            ),
            {"first": first, "last": last},
        ).scalar()
    return bool(stored == row.chunks)
