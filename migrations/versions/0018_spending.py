"""What was spent at providers, by day, knowledge base, document and model; and the days' budgets.

Locks: none; both tables are new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spending",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("knowledge_base_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("document_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("tokens", mysql.BIGINT(), nullable=False),
        sa.Column("unpriced", mysql.BIGINT(), nullable=False),
        sa.Column("cost", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("day", "knowledge_base_id", "document_id", "kind", "model"),
    )
    op.create_table(
        "spending_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cost", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )


def downgrade() -> None:
    op.drop_table("spending_days")
    op.drop_table("spending")
