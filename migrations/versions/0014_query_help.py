"""A knowledge base's synonyms, and the searches that were saved in it.

Locks: none; the column is added without rewriting rows, and the table is new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("knowledge_bases", sa.Column("synonyms", mysql.MEDIUMTEXT(), nullable=True))
    op.create_table(
        "saved_searches",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("knowledge_base_id", mysql.BIGINT(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("parameters", mysql.TEXT(), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_saved_searches_knowledge_base_id", "saved_searches", ["knowledge_base_id"])


def downgrade() -> None:
    op.drop_table("saved_searches")
    op.drop_column("knowledge_bases", "synonyms")
