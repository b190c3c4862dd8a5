"""The log of who did what: written when it is done, read by administrators, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.tables import AuditRow
from app.database.connection import Database
from app.database.tables import now, with_zone

LONGEST_SUBJECT = 600  # characters


@dataclass(frozen=True)
class Deed:
    """`action` is the name of a route or of a command; `subject` what its address names."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    address: str


@dataclass(frozen=True)
class Audit:
    database: Database

    def note(self, actor: str, action: str, subject: str = "", address: str = "") -> None:
        row = AuditRow(
            at=now(),
            actor=actor[:200],
            action=action[:100],
            subject=subject[:LONGEST_SUBJECT],
            address=address[:64],
        )
        self.database.transaction(lambda session: session.add(_copy(row)))

    def latest(self, limit: int = 200, before: int | None = None) -> tuple[Deed, ...]:
        """Newest first; `before` is the id that the page before ended at."""

        def read(session: Session) -> tuple[Deed, ...]:
            wanted = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
            if before is not None:
                wanted = wanted.where(AuditRow.id < before)
            return tuple(
                Deed(r.id, with_zone(r.at), r.actor, r.action, r.subject, r.address)
                for r in session.scalars(wanted)
            )

        return self.database.transaction(read)


def _copy(row: AuditRow) -> AuditRow:
    """A row of its own for each attempt of the transaction."""
    return AuditRow(
        at=row.at, actor=row.actor, action=row.action, subject=row.subject, address=row.address
    )
