"""How fast a knowledge base's queue is worked off, and how long that will take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now
from app.ingestion.job import JobState
from app.ingestion.tables import JobRow

WINDOW = timedelta(seconds=60)
LEAST = 3.0  # seconds; a pace measured over less would jump
FEWEST = 30  # chunks; fewer tell nothing of documents that nobody has parsed
MOST_JOBS = 2_000  # in one window; of more, the latest tell


@dataclass(frozen=True)
class Pace:
    """Of a queue that is worked on; nothing is promised of one that stands still.

    `chunks_per_second` is of the last minute. `seconds_left` is None where it cannot be told; the
    chunks of documents that nobody has parsed yet are guessed from their size, once enough were.
    """

    chunks_per_second: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Spell:
    """An attempt at a job, as far as it has come: chunks stored between two moments."""

    started: datetime
    seen: datetime
    chunks: int
    octets: int
    """Bytes of the original that these chunks come from."""


@dataclass(frozen=True)
class PaceMeter:
    database: Database

    def measure(self, knowledge_base_id: int) -> Pace:
        """The pace of the last minute, and what it makes of all that waits or runs."""

        def read(session: Session) -> Pace:
            moment = now()
            recent = session.execute(
                select(
                    JobRow.started_at,
                    JobRow.updated_at,
                    JobRow.done - JobRow.done_before,
                    JobRow.size,
                    JobRow.total,
                )
                .where(
                    JobRow.knowledge_base_id == knowledge_base_id,
                    JobRow.updated_at >= moment - WINDOW,
                    JobRow.state.in_([JobState.RUNNING, JobState.SUCCEEDED]),
                    JobRow.total > 0,
                )
                .order_by(JobRow.updated_at.desc())
                .limit(MOST_JOBS)
            ).all()
            spells = [
                Spell(started, seen, done, size * done // total)
                for started, seen, done, size, total in recent
                if started is not None
            ]
            chunks, octets = session.execute(
                select(
                    func.coalesce(func.sum(JobRow.total - JobRow.done), 0),
                    func.coalesce(func.sum(case((JobRow.total == 0, JobRow.size), else_=0)), 0),
                ).where(
                    JobRow.knowledge_base_id == knowledge_base_id,
                    JobRow.state.in_([JobState.READY, JobState.RUNNING]),
                )
            ).one()
            return pace_of(spells, int(chunks), int(octets), moment)

        return self.database.transaction(read)


def pace_of(spells: list[Spell], chunks_left: int, octets_left: int, moment: datetime) -> Pace:
    """The pace that the spells show in the window before `moment`.

    A spell that began earlier counts with the part of it that lies in the window.
    """
    chunks, octets = 0.0, 0.0
    first = moment
    for spell in spells:
        begun = max(spell.started, moment - WINDOW)
        lasted = (spell.seen - spell.started).total_seconds()
        part = (spell.seen - begun).total_seconds() / lasted if lasted > 0 else 1.0
        chunks += max(0.0, spell.chunks * part)
        octets += max(0.0, spell.octets * part)
        first = min(first, begun)
    watched = (moment - first).total_seconds()
    if chunks <= 0 or watched < LEAST:
        return Pace()
    rate = chunks / watched
    if octets_left and (octets <= 0 or chunks < FEWEST):
        return Pace(rate)
    unparsed = octets_left * chunks / octets if octets_left else 0.0
    return Pace(rate, (chunks_left + unparsed) / rate)
