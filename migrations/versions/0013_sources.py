"""The addresses that documents were fetched from.

Locks: none; the table is new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("document_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column(
            "url",
            mysql.VARCHAR(length=2000, charset="utf8mb4", collation="utf8mb4_bin"),
            nullable=False,
        ),
        sa.Column("url_hash", mysql.CHAR(length=64), nullable=False),
        sa.Column("etag", sa.String(length=500), nullable=True),
        sa.Column("last_modified", sa.String(length=500), nullable=True),
        sa.Column("content_hash", mysql.CHAR(length=64), nullable=False),
        sa.Column("fetched_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("document_id"),
    )
    op.create_index("ix_sources_url_hash", "sources", ["url_hash"])


def downgrade() -> None:
    op.drop_table("sources")
