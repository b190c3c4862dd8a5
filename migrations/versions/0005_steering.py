"""Pausing a knowledge base, measuring a job's pace, and names that differ only in case.

Locks: none for the new columns. `documents.name` compares by its bytes whatever collation the
database was made with; where that changes, its unique index is taken away and built again, and
nobody should upload meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("knowledge_bases", sa.Column("paused_at", mysql.DATETIME(fsp=6), nullable=True))
    op.add_column("jobs", sa.Column("started_at", mysql.DATETIME(fsp=6), nullable=True))
    op.add_column(
        "jobs", sa.Column("done_before", sa.Integer(), server_default="0", nullable=False)
    )
    collation = op.get_bind().scalar(
        sa.text(
            "SELECT collation_name FROM information_schema.columns WHERE table_schema = DATABASE() "
            "AND table_name = 'documents' AND column_name = 'name'"
        )
    )
    if collation == "utf8mb4_bin":
        return
    # TiDB does not change the collation of a column that an index is defined on.
    op.drop_index("uq_documents_name", "documents")
    op.alter_column(
        "documents",
        "name",
        existing_type=sa.String(length=500),
        type_=mysql.VARCHAR(length=500, charset="utf8mb4", collation="utf8mb4_bin"),
        existing_nullable=False,
    )
    op.create_index(
        "uq_documents_name", "documents", ["knowledge_base_id", "name", "deletion"], unique=True
    )


def downgrade() -> None:
    op.drop_column("jobs", "done_before")
    op.drop_column("jobs", "started_at")
    op.drop_column("knowledge_bases", "paused_at")
