"""Vectors that were paid for, so that no text is paid for twice.

Locks: none; a new table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_vectors",
        sa.Column("made_of", mysql.BINARY(length=32), nullable=False),
        sa.Column("vector", mysql.MEDIUMBLOB(), nullable=False),
        sa.Column("kept_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("made_of"),
    )
    op.create_index("ix_kept_vectors_kept_at", "kept_vectors", ["kept_at"])


def downgrade() -> None:
    op.drop_table("kept_vectors")
