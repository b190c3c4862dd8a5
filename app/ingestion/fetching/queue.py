"""The queue of addresses in TiDB: each host is one process's at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import case, func, or_, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.labels import Labels
from app.documents.model import KnowledgeBase
from app.documents.tables import KnowledgeBaseRow
from app.errors import PageUnavailable, TidemarkError
from app.ingestion.fetching.address import (
    ENDED,
    Address,
    AddressKind,
    AddressState,
    Host,
    Standing,
)
from app.ingestion.fetching.fetcher import checked_url
from app.ingestion.fetching.tables import AddressRow, HostRow

LEASE = timedelta(minutes=5)  # a fetch, its robots.txt and two pauses take less
ATTEMPTS = 4
FIRST_PAUSE = timedelta(seconds=30)  # before another attempt; four times as long each time
ROWS_A_STATEMENT = 500
HOSTS_A_LOOK = 50


@dataclass(frozen=True)
class AddressQueue:
    """Of all knowledge bases; whoever calls has been let in to the one that is named."""

    database: Database

    def add(
        self, base: KnowledgeBase, urls: Mapping[AddressKind, Iterable[str]], labels: Labels
    ) -> int:
        """Have addresses fetched, again where they have been; gives how many they are.

        Raises:
            AddressRefused: one is no address of the web. Nothing was added then.
        """
        checked = {
            kind: list(dict.fromkeys(checked_url(url) for url in of_kind))
            for kind, of_kind in urls.items()
        }

        def put(session: Session) -> None:
            for kind, of_kind in checked.items():
                _put(session, base.id, of_kind, labels, kind)

        self.database.transaction(put)
        return sum(map(len, checked.values()))

    def counts(self, base: KnowledgeBase) -> dict[AddressState, int]:
        return self.standing(base.id).counts

    def standing(self, knowledge_base_id: int) -> Standing:
        """How far the queue is; an index has all that is asked, so it can be asked often."""

        def read(session: Session) -> Standing:
            ended = AddressRow.updated_at >= now() - timedelta(minutes=1)
            rows = session.execute(
                select(
                    AddressRow.state,
                    func.count(),
                    func.sum(case((ended, 1), else_=0)),
                    func.max(AddressRow.updated_at),
                )
                .where(AddressRow.knowledge_base_id == knowledge_base_id)
                .group_by(AddressRow.state)
            ).all()
            found = {AddressState(state): number for state, number, _, _ in rows}
            return Standing(
                {state: found.get(state, 0) for state in AddressState},
                sum(int(lately) for state, _, lately, _ in rows if state in ENDED),
                max((with_zone(latest) for *_, latest in rows), default=None),
            )

        return self.database.transaction(read)

    def listed(
        self, base: KnowledgeBase, state: AddressState, *, offset: int = 0, limit: int = 100
    ) -> tuple[Address, ...]:
        """Addresses in that state: the next to be fetched first, of others the newest."""
        order = AddressRow.id if state is AddressState.WAITING else AddressRow.id.desc()

        def read(session: Session) -> tuple[Address, ...]:
            rows = session.scalars(
                select(AddressRow)
                .where(AddressRow.knowledge_base_id == base.id, AddressRow.state == state)
                .order_by(order)
                .offset(offset)
                .limit(limit)
            )
            return tuple(map(_address, rows))

        return self.database.transaction(read)

    def retry_failed(self, base: KnowledgeBase) -> int:
        """Have all fetched again that could not be; gives how many they are."""
        return self._change(base, AddressState.FAILED, AddressState.WAITING)

    def cancel_waiting(self, base: KnowledgeBase) -> int:
        """Fetch nothing more of what waits; gives how many they were. What was fetched stays."""
        return self._change(base, AddressState.WAITING, AddressState.CANCELLED)

    def claim_host(self) -> Host | None:
        """A host that something waits for and that nobody fetches from; the one longest left."""
        waiting = (
            select(AddressRow.host)
            .join(KnowledgeBaseRow, KnowledgeBaseRow.id == AddressRow.knowledge_base_id)
            .join(HostRow, HostRow.host == AddressRow.host, isouter=True)
            .where(
                AddressRow.state == AddressState.WAITING,
                AddressRow.not_before <= now(),
                KnowledgeBaseRow.deletion == 0,
                KnowledgeBaseRow.paused_at.is_(None),
                or_(HostRow.lease_until.is_(None), HostRow.lease_until < now()),
            )
            .group_by(AddressRow.host)
            .order_by(func.max(HostRow.lease_until), func.min(AddressRow.id))
            .limit(HOSTS_A_LOOK)
        )
        found = self.database.transaction(lambda session: list(session.scalars(waiting)))
        for name in found:
            host = Host(name, uuid4().hex)
            if self._take(host):
                return host
        return None

    def next_of(self, host: Host) -> Address | None:
        """The host's next address, which is begun now; None if there is none, or it is not held."""
        waiting = (
            select(AddressRow.id)
            .join(KnowledgeBaseRow, KnowledgeBaseRow.id == AddressRow.knowledge_base_id)
            .where(
                AddressRow.state == AddressState.WAITING,
                AddressRow.host == host.name,
                AddressRow.not_before <= now(),
                KnowledgeBaseRow.deletion == 0,
                KnowledgeBaseRow.paused_at.is_(None),
            )
            .order_by(AddressRow.id)
            .limit(1)
        )

        def begin(session: Session) -> Address | None:
            held = session.get(HostRow, host.name, with_for_update=True)
            if held is None or held.owner != host.owner:
                return None
            held.lease_until = now() + LEASE
            while (found := session.scalar(waiting)) is not None:
                row = session.get(AddressRow, found, with_for_update=True, populate_existing=True)
                if row is None or row.state != AddressState.WAITING:
                    return None
                # Should this process die of it, others come first, and it is given up in the end.
                row.not_before = now() + LEASE
                if row.attempts < ATTEMPTS:
                    row.attempts += 1
                    return _address(row)
                row.state, row.updated_at = AddressState.FAILED, now()
                row.error = f"It was begun {ATTEMPTS} times, and never came to an end."
                row.remedy = "See the log of the workers for the cause."
                session.flush()
            return None

        return self.database.transaction(begin)

    def release(self, host: Host, pause: timedelta) -> None:
        """Let others fetch from the host after a pause: they do not know when it was last asked."""

        def let_go(session: Session) -> None:
            row = session.get(HostRow, host.name, with_for_update=True)
            if row is not None and row.owner == host.owner:
                row.owner, row.lease_until = None, now() + pause

        self.database.transaction(let_go)

    def fetched(self, address: Address, document_id: int | None, pages: Sequence[str] = ()) -> None:
        """End an address: it is that document, or the sitemap of those pages, which wait then."""

        def end(session: Session) -> None:
            row = session.get(AddressRow, address.id, with_for_update=True)
            if row is None or row.state != AddressState.WAITING:
                return  # cancelled meanwhile
            _put(session, row.knowledge_base_id, pages, address.labels, AddressKind.PAGE)
            row.state, row.document_id = AddressState.FETCHED, document_id
            row.error, row.remedy, row.updated_at = None, None, now()

        self.database.transaction(end)

    def failed(self, address: Address, error: TidemarkError) -> None:
        """End it with the reason, or let it be tried again after a pause where that may help."""
        passing = error.retryable or (isinstance(error, PageUnavailable) and error.may_pass)
        again = passing and address.attempts < ATTEMPTS

        def record(session: Session) -> None:
            row = session.get(AddressRow, address.id, with_for_update=True)
            if row is None or row.state != AddressState.WAITING:
                return
            row.state = AddressState.WAITING if again else AddressState.FAILED
            row.not_before = now() + FIRST_PAUSE * 4 ** (address.attempts - 1)
            row.error, row.remedy, row.updated_at = error.message, error.remedy, now()

        self.database.transaction(record)

    def put_back(self, address: Address) -> None:
        """Let it wait as if it had not been begun: the process is asked to stop."""

        def wait(session: Session) -> None:
            row = session.get(AddressRow, address.id, with_for_update=True)
            if row is not None and row.state == AddressState.WAITING:
                row.attempts, row.not_before = row.attempts - 1, now()

        self.database.transaction(wait)

    def _take(self, host: Host) -> bool:
        def take(session: Session) -> bool:
            session.execute(
                insert(HostRow).values(host=host.name).on_duplicate_key_update(host=host.name)
            )
            row = session.get(HostRow, host.name, with_for_update=True, populate_existing=True)
            if row is None or (row.lease_until is not None and row.lease_until >= now()):
                return False
            row.owner, row.lease_until = host.owner, now() + LEASE
            return True

        return self.database.transaction(take)

    def _change(self, base: KnowledgeBase, state: AddressState, to: AddressState) -> int:
        def change(session: Session) -> int:
            ids: Collection[int] = session.scalars(
                select(AddressRow.id).where(
                    AddressRow.knowledge_base_id == base.id, AddressRow.state == state
                )
            ).all()
            # By their keys: see `Database.transaction`.
            rows = session.scalars(
                select(AddressRow).where(AddressRow.id.in_(ids)).with_for_update()
            )
            changed = [row for row in rows if row.state == state]
            for row in changed:
                row.state, row.attempts, row.not_before, row.updated_at = to, 0, now(), now()
                row.error, row.remedy = None, None
            return len(changed)

        return self.database.transaction(change)


def _put(
    session: Session, base_id: int, urls: Sequence[str], labels: Labels, kind: AddressKind
) -> None:
    told = json.dumps({"tags": labels.tags, "metadata": dict(labels.metadata)})
    values = [
        {
            "knowledge_base_id": base_id,
            "url": url,
            "url_hash": hashlib.sha256(f"{kind}:{url}".encode()).hexdigest(),
            "host": urlsplit(url).netloc[:300],
            "kind": kind,
            "labels": told,
            "state": AddressState.WAITING,
            "attempts": 0,
            "not_before": now(),
            "error": None,
            "remedy": None,
            "updated_at": now(),
        }
        for url in urls
    ]
    for start in range(0, len(values), ROWS_A_STATEMENT):
        some = insert(AddressRow).values(values[start : start + ROWS_A_STATEMENT])
        changed = ("labels", "state", "attempts", "not_before", "error", "remedy", "updated_at")
        session.execute(
            some.on_duplicate_key_update({name: some.inserted[name] for name in changed})
        )


def _address(row: AddressRow) -> Address:
    labels = json.loads(row.labels)
    return Address(
        row.id,
        row.knowledge_base_id,
        row.url,
        AddressKind(row.kind),
        AddressState(row.state),
        row.attempts,
        Labels(tuple(labels["tags"]), labels["metadata"]),
        row.document_id,
        row.error,
        row.remedy,
        with_zone(row.updated_at),
    )
