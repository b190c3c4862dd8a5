"""A knowledge base's own test questions, and the evaluations that were run.

Locks: none; every table is new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "questions",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("knowledge_base_id", mysql.BIGINT(), nullable=False),
        sa.Column("text", mysql.TEXT(), nullable=False),
        sa.Column("text_hash", mysql.CHAR(length=64), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("knowledge_base_id", "text_hash", name="uq_questions_text"),
    )
    op.create_table(
        "right_passages",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("question_id", mysql.BIGINT(), nullable=False),
        sa.Column("document_id", mysql.BIGINT(), nullable=False),
        sa.Column("quote", mysql.MEDIUMTEXT(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_right_passages_question_id", "right_passages", ["question_id"])
    op.create_index("ix_right_passages_document_id", "right_passages", ["document_id"])
    op.create_table(
        "evaluations",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("knowledge_base_id", mysql.BIGINT(), nullable=False),
        sa.Column("questions_of", sa.String(length=200), nullable=False),
        sa.Column("way", sa.String(length=20), nullable=False),
        sa.Column("settings", mysql.TEXT(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("ndcg", sa.Double(), nullable=False),
        sa.Column("recall", sa.Double(), nullable=False),
        sa.Column("reciprocal_rank", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_evaluations_knowledge_base_id", "evaluations", ["knowledge_base_id"])
    op.create_table(
        "evaluated_questions",
        sa.Column("evaluation_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("question", mysql.TEXT(), nullable=False),
        sa.Column("ndcg", sa.Double(), nullable=False),
        sa.Column("recall", sa.Double(), nullable=False),
        sa.Column("reciprocal_rank", sa.Double(), nullable=False),
        sa.Column("found", mysql.LONGTEXT(), nullable=False),
        sa.PrimaryKeyConstraint("evaluation_id", "place"),
    )


def downgrade() -> None:
    for table in ("evaluated_questions", "evaluations", "right_passages", "questions"):
        op.drop_table(table)
