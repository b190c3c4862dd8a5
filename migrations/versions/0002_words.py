"""What keyword search needs to know of an index: its version, and each revision's terms.

Locks: none; TiDB adds columns with a default online, without writing to the rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "indexes", sa.Column("version", mysql.BIGINT(), server_default="0", nullable=False)
    )
    op.add_column(
        "indexed_revisions", sa.Column("terms", mysql.BIGINT(), server_default="0", nullable=False)
    )
    op.add_column(
        "indexed_revisions",
        sa.Column("language", sa.String(length=8), server_default="", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("indexed_revisions", "language")
    op.drop_column("indexed_revisions", "terms")
    op.drop_column("indexes", "version")
