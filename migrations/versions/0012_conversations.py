"""Conversations, their turns, and what the answers cite.

Locks: none; every table is new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("owner", mysql.CHAR(length=64), nullable=False),
        sa.Column("knowledge_base", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("share", mysql.CHAR(length=64), nullable=True),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("updated_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("deleted_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_conversations_owner", "conversations", ["owner", "updated_at"])
    op.create_index("ix_conversations_share", "conversations", ["share"])
    op.create_index("ix_conversations_deleted_at", "conversations", ["deleted_at"])
    op.create_table(
        "turns",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("conversation_id", mysql.BIGINT(), nullable=False),
        sa.Column("parent_id", mysql.BIGINT(), nullable=True),
        sa.Column("question", mysql.TEXT(), nullable=False),
        sa.Column("standalone", mysql.TEXT(), nullable=False),
        sa.Column("top_k", sa.Integer(), nullable=False),
        sa.Column("documents", mysql.TEXT(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("said", mysql.LONGTEXT(), nullable=False),
        sa.Column("supported", sa.Integer(), nullable=False),
        sa.Column("partly", sa.Integer(), nullable=False),
        sa.Column("unsupported", sa.Integer(), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("beat_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_turns_conversation_id", "turns", ["conversation_id"])
    op.create_table(
        "citations",
        sa.Column("turn_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document_id", mysql.BIGINT(), nullable=False),
        sa.Column("revision_id", mysql.BIGINT(), nullable=False),
        sa.Column("start", mysql.BIGINT(), nullable=False),
        sa.Column("end", mysql.BIGINT(), nullable=False),
        sa.PrimaryKeyConstraint("turn_id", "place"),
    )
    op.create_index("ix_citations_document_id", "citations", ["document_id"])


def downgrade() -> None:
    op.drop_table("citations")
    op.drop_table("turns")
    op.drop_table("conversations")
