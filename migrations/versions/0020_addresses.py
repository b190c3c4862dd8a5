"""Addresses that wait to be fetched, and the hosts that they are fetched from.

Locks: none; both tables are new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "addresses",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("knowledge_base_id", mysql.BIGINT(), nullable=False),
        sa.Column(
            "url",
            mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=2000),
            nullable=False,
        ),
        sa.Column("url_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("host", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("labels", mysql.TEXT(), nullable=False),
        sa.Column("document_id", mysql.BIGINT(), nullable=True),
        sa.Column("error", mysql.TEXT(), nullable=True),
        sa.Column("remedy", mysql.TEXT(), nullable=True),
        sa.Column("updated_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ux_addresses_url_hash", "addresses", ["knowledge_base_id", "url_hash"], unique=True
    )
    op.create_index("ix_addresses_state", "addresses", ["knowledge_base_id", "state"])
    op.create_index("ix_addresses_host", "addresses", ["state", "host", "not_before"])
    op.create_table(
        "fetched_hosts",
        sa.Column("host", sa.String(length=300), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", mysql.DATETIME(fsp=6), nullable=True),
        sa.PrimaryKeyConstraint("host"),
    )


def downgrade() -> None:
    op.drop_table("fetched_hosts")
    op.drop_table("addresses")
