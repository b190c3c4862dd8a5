"""The rows of what is spent at providers. They don't leave this room's stores."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date, Double, Integer, String
from sqlalchemy.dialects.mysql import BIGINT, BINARY, CHAR, MEDIUMBLOB, VARBINARY
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


class SpendingRow(FixedTable):
    """A day's tokens at a model, for a document (0: none) of a knowledge base (0: none)."""

    __tablename__ = "spending"
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    knowledge_base_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    document_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    requests: Mapped[int] = mapped_column(Integer)
    tokens: Mapped[int] = mapped_column(BIGINT)
    unpriced: Mapped[int] = mapped_column(BIGINT)  # tokens whose price nobody knew
    cost: Mapped[float] = mapped_column(Double)  # US dollars of the others


class SpendingDayRow(FixedTable):
    """What a day has cost, as the budget counts it: requests that are on their way included."""

    __tablename__ = "spending_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    cost: Mapped[float] = mapped_column(Double)


class AddedModelRow(FixedTable):
    """An embedding model beside that of the settings; its key is encrypted."""

    __tablename__ = "added_models"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    api_base: Mapped[str] = mapped_column(String(200))
    sealed_key: Mapped[bytes | None] = mapped_column(VARBINARY(2000))
    price: Mapped[float | None] = mapped_column(Double)
    added_at: Mapped[Moment]
