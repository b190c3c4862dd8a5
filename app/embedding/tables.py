"""The rows of what is spent at providers. They don't leave this room's stores."""

from __future__ import annotations

from sqlalchemy import Double
from sqlalchemy.dialects.mysql import CHAR
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables import FixedTable


class ProviderPaceRow(FixedTable):
    """When an account's two buckets will be empty, in seconds since 1970 by TiDB's clock."""

    __tablename__ = "provider_paces"

    account: Mapped[str] = mapped_column(CHAR(64), primary_key=True)
    requests_empty_at: Mapped[float] = mapped_column(Double)
    tokens_empty_at: Mapped[float] = mapped_column(Double)
