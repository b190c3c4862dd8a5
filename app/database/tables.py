"""What every fixed table is declared with; Alembic compares the migrations with these."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from sqlalchemy import MetaData
from sqlalchemy.dialects.mysql import BIGINT, DATETIME
from sqlalchemy.orm import DeclarativeBase, mapped_column

Id = Annotated[int, mapped_column(BIGINT, primary_key=True, autoincrement=True)]
Reference = Annotated[int, mapped_column(BIGINT)]
OptionalReference = Annotated[int | None, mapped_column(BIGINT)]
Moment = Annotated[datetime, mapped_column(DATETIME(fsp=6))]
OptionalMoment = Annotated[datetime | None, mapped_column(DATETIME(fsp=6))]


class FixedTable(DeclarativeBase):
    """A table that comes from `migrations/`; times are UTC without a zone, as TiDB stores them."""

    metadata = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s"})


def now() -> datetime:
    """The present as the tables store it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def with_zone(moment: datetime) -> datetime:
    """A stored time as the other rooms see it: UTC, with its zone."""
    return moment.replace(tzinfo=UTC)
