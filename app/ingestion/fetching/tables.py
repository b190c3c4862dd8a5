"""The rows of addresses that are to be fetched, and of the hosts that they are fetched from."""

from __future__ import annotations

from sqlalchemy import CHAR, Index, Integer, String
from sqlalchemy.dialects.mysql import TEXT, VARCHAR
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables import FixedTable, Id, Moment, OptionalMoment, OptionalReference, Reference


class AddressRow(FixedTable):
    """An address that somebody asked to be fetched; one row for each in a knowledge base."""

    __tablename__ = "addresses"
    __table_args__ = (
        Index("ux_addresses_url_hash", "knowledge_base_id", "url_hash", unique=True),
        Index("ix_addresses_ended", "knowledge_base_id", "state", "updated_at"),
        Index("ix_addresses_host", "state", "host", "not_before"),
    )

    id: Mapped[Id]
    knowledge_base_id: Mapped[Reference]
    url: Mapped[str] = mapped_column(VARCHAR(2000, charset="utf8mb4", collation="utf8mb4_bin"))
    url_hash: Mapped[str] = mapped_column(CHAR(64))
    host: Mapped[str] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer)
    not_before: Mapped[Moment]
    labels: Mapped[str] = mapped_column(TEXT)
    document_id: Mapped[OptionalReference]
    error: Mapped[str | None] = mapped_column(TEXT)
    remedy: Mapped[str | None] = mapped_column(TEXT)
    updated_at: Mapped[Moment]


class HostRow(FixedTable):
    """Who fetches from a host, of all processes: no other does until `lease_until`."""

    __tablename__ = "fetched_hosts"

    host: Mapped[str] = mapped_column(String(300), primary_key=True)
    owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[OptionalMoment]
