"""What a build of an index leaves behind: its lease, how far it is, what it cost, its comparison.

Locks: none; TiDB adds columns with a default online, without writing to the rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("not_before", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("error", mysql.TEXT(), nullable=True),
        sa.Column("remedy", mysql.TEXT(), nullable=True),
        sa.Column("embedded", mysql.BIGINT(), server_default="0", nullable=False),
        sa.Column("reused", mysql.BIGINT(), server_default="0", nullable=False),
        sa.Column("tokens", mysql.BIGINT(), server_default="0", nullable=False),
        sa.Column("seconds", mysql.DOUBLE(), server_default="0", nullable=False),
        sa.Column("built_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("retired_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("dropped_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("promote_margin", mysql.DOUBLE(), nullable=True),
        sa.Column("comparison", mysql.LONGTEXT(), nullable=True),
    )


def upgrade() -> None:
    for column in columns():
        op.add_column("indexes", column)


def downgrade() -> None:
    for column in reversed(columns()):
        op.drop_column("indexes", column.name)
