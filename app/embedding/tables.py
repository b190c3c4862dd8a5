"""The rows of what is spent at providers. They don't leave this room's stores."""

from __future__ import annotations

from sqlalchemy import Double
from sqlalchemy.dialects.mysql import BINARY, CHAR, MEDIUMBLOB
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables import FixedTable, Moment


class ProviderPaceRow(FixedTable):
    """When an account's two buckets will be empty, in seconds since 1970 by TiDB's clock."""

    __tablename__ = "provider_paces"

    account: Mapped[str] = mapped_column(CHAR(64), primary_key=True)
    requests_empty_at: Mapped[float] = mapped_column(Double)
    tokens_empty_at: Mapped[float] = mapped_column(Double)


class KeptVectorRow(FixedTable):
    """A vector that was paid for, under the hash of what it was made of."""

    __tablename__ = "kept_vectors"

    made_of: Mapped[bytes] = mapped_column(BINARY(32), primary_key=True)
    vector: Mapped[bytes] = mapped_column(MEDIUMBLOB)  # little-endian float32
    kept_at: Mapped[Moment] = mapped_column(index=True)
