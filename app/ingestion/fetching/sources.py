"""Documents that come from an address: where from, and whether it has something new."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.rights import EVERYTHING, Sight
from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.labels import Labels
from app.documents.model import KnowledgeBase
from app.documents.tables import DocumentRow, KnowledgeBaseRow, RevisionRow, SourceRow
from app.errors import DocumentNotFound, SourceNotFound
from app.ingestion.fetching.fetcher import Fetched, Fetcher, Validators, checked_url, name_of
from app.ingestion.uploads import NO_LABELS, Receipt, Uploads


@dataclass(frozen=True)
class Source:
    """The address that a document was fetched from, and when that was looked at last."""

    url: str
    fetched_at: datetime


@dataclass(frozen=True)
class _Known:
    document_id: int
    name: str
    validators: Validators


@dataclass(frozen=True)
class Sources:
    """Of documents in the knowledge bases of `sight`."""

    database: Database
    uploads: Uploads
    fetcher: Fetcher
    sight: Sight = EVERYTHING

    def add(self, base: KnowledgeBase, url: str, labels: Labels = NO_LABELS) -> Receipt:
        """Fetch an address, and take in what is there as the next revision of its document.

        The document is named for the address, unless it has been renamed. Where the site says that
        nothing has changed, or its bytes are the same, nothing is done.

        Raises:
            AddressRefused, PageUnavailable: as `Fetcher.fetch`.
            EmptyDocument, DocumentTooLarge, InvalidName: as `Uploads.receive`.
        """
        asked = checked_url(url)
        known = self._known(base, asked)
        name = name_of(asked) if known is None else known.name
        return self._take(base, asked, known, name, labels)

    def refetch(self, document_id: int) -> Receipt:
        """Look whether the address that a document came from has something new.

        Raises:
            DocumentNotFound, SourceNotFound: it is not there, or came from no address.
            TidemarkError: as `add`.
        """

        def read(session: Session) -> tuple[KnowledgeBase, str]:
            document = session.get(DocumentRow, document_id)
            missing = DocumentNotFound(f"There is no document {document_id}.")
            if document is None or document.deletion:
                raise missing
            base = session.get(KnowledgeBaseRow, document.knowledge_base_id)
            if base is None or base.deletion:
                raise missing
            self.sight.check(base.id, missing)
            source = session.get(SourceRow, document_id)
            if source is None:
                raise SourceNotFound(f"{document.name!r} was not fetched from an address.")
            kept = KnowledgeBase(
                base.id, base.name, with_zone(base.created_at), base.active_index_id
            )
            return kept, source.url

        base, url = self.database.transaction(read)
        return self.add(base, url)

    def of(self, document_ids: Collection[int]) -> dict[int, Source]:
        """Where those documents came from that were fetched."""

        def read(session: Session) -> dict[int, Source]:
            rows = session.scalars(select(SourceRow).where(SourceRow.document_id.in_(document_ids)))
            return {row.document_id: Source(row.url, with_zone(row.fetched_at)) for row in rows}

        return self.database.transaction(read) if document_ids else {}

    def described(self, document_id: int) -> dict[str, str | None] | None:
        """Where a document came from, for whoever keeps it outside; None for one that was uploaded.

        With what the site said of the bytes, if they are the document's current ones.
        """

        def read(session: Session) -> dict[str, str | None] | None:
            row = session.get(SourceRow, document_id)
            document = session.get(DocumentRow, document_id)
            if row is None or document is None:
                return None
            shown = session.get(RevisionRow, document.current_revision_id or 0)
            same = shown is not None and shown.content_hash == row.content_hash
            return {
                "url": row.url,
                "etag": row.etag if same else None,
                "last_modified": row.last_modified if same else None,
            }

        return self.database.transaction(read)

    def adopt(self, document_id: int, url: str, validators: Validators, content_hash: str) -> None:
        """Let a document that came another way have an address, unless it has one.

        Raises:
            AddressRefused: it is no address of the web.
        """
        checked = checked_url(url)
        if document_id not in self.of([document_id]):
            fetched = Fetched(checked, None, validators)
            self._remember(document_id, checked, fetched, content_hash)

    def _take(
        self, base: KnowledgeBase, url: str, known: _Known | None, name: str, labels: Labels
    ) -> Receipt:
        fetched = self.fetcher.fetch(url, known.validators if known and not labels else None)
        if fetched.content is None and known is not None:
            self._looked(known.document_id)
            return Receipt(known.document_id, known.name, None)
        content = fetched.content or b""
        receipt = self.uploads.receive(base, name, [content], labels)
        self._remember(receipt.document_id, url, fetched, hashlib.sha256(content).hexdigest())
        return receipt

    def _known(self, base: KnowledgeBase, url: str) -> _Known | None:
        """The document of that address; with validators only where it shows what they tell of."""

        def read(session: Session) -> _Known | None:
            row = session.execute(
                select(SourceRow, DocumentRow)
                .join(DocumentRow, DocumentRow.id == SourceRow.document_id)
                .where(
                    SourceRow.url_hash == _hash(url),
                    DocumentRow.knowledge_base_id == base.id,
                    DocumentRow.deletion == 0,
                )
                .limit(1)
            ).first()
            if row is None:
                return None
            source, document = row
            newest = session.scalar(
                select(RevisionRow)
                .where(RevisionRow.document_id == document.id)
                .order_by(RevisionRow.number.desc())
                .limit(1)
            )
            shown = (
                newest is not None
                and newest.id == document.current_revision_id
                and newest.content_hash == source.content_hash
            )
            told = Validators(source.etag, source.last_modified) if shown else Validators()
            return _Known(document.id, document.name, told)

        return self.database.transaction(read)

    def _remember(self, document_id: int, url: str, fetched: Fetched, content_hash: str) -> None:
        def write(session: Session) -> None:
            if session.get(DocumentRow, document_id) is None:
                return  # deleted and cleared meanwhile
            row = session.get(SourceRow, document_id, with_for_update=True)
            if row is None:
                row = SourceRow(document_id=document_id)
                session.add(row)
            row.url, row.url_hash = url, _hash(url)
            row.etag = fetched.validators.etag
            row.last_modified = fetched.validators.last_modified
            row.content_hash = content_hash
            row.fetched_at = now()

        self.database.transaction(write)

    def _looked(self, document_id: int) -> None:
        def write(session: Session) -> None:
            row = session.get(SourceRow, document_id, with_for_update=True)
            if row is not None:
                row.fetched_at = now()

        self.database.transaction(write)


def _hash(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
