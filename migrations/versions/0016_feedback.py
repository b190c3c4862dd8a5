"""What readers think of answers, questions that nothing should answer, and measured answers.

Locks: none that anyone waits for; two new tables, and a column that TiDB adds without rewriting.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feedback",
        sa.Column("turn_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("good", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("correction", mysql.TEXT(), nullable=False),
        sa.Column("given_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("turn_id"),
    )
    op.create_table(
        "answer_evaluations",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("knowledge_base_id", mysql.BIGINT(), nullable=False),
        sa.Column("way", sa.String(length=16), nullable=False),
        sa.Column("settings", mysql.TEXT(), nullable=False),
        sa.Column("measures", mysql.TEXT(), nullable=False),
        sa.Column("outcomes", mysql.LONGTEXT(), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_answer_evaluations_knowledge_base_id", "answer_evaluations", ["knowledge_base_id"]
    )
    op.add_column(
        "questions",
        sa.Column("unanswerable", sa.Boolean(), nullable=False, server_default=sa.text("0")),
    )


def downgrade() -> None:
    op.drop_column("questions", "unanswerable")
    op.drop_table("answer_evaluations")
    op.drop_table("feedback")
