"""The first tables: knowledge bases, documents, revisions, indexes and jobs.

Locks: none; every table is new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("revision_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", mysql.LONGBLOB(), nullable=False),
        sa.PrimaryKeyConstraint("revision_id", "part"),
    )
    op.create_table(
        "documents",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("knowledge_base_id", mysql.BIGINT(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("deletion", mysql.BIGINT(), nullable=False),
        sa.Column("current_revision_id", mysql.BIGINT(), nullable=True),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("updated_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("deleted_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("knowledge_base_id", "name", "deletion", name="uq_documents_name"),
    )
    op.create_index("ix_documents_deleted_at", "documents", ["deleted_at"], unique=False)
    op.create_table(
        "indexed_revisions",
        sa.Column("index_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("revision_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("document_id", mysql.BIGINT(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("changed_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("index_id", "revision_id"),
    )
    op.create_index(
        "ix_indexed_revisions_document_id", "indexed_revisions", ["document_id"], unique=False
    )
    op.create_index(
        "ix_indexed_revisions_state", "indexed_revisions", ["index_id", "state"], unique=False
    )
    op.create_table(
        "indexes",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("knowledge_base_id", mysql.BIGINT(), nullable=False),
        sa.Column("recipe", mysql.TEXT(), nullable=False),
        sa.Column("fingerprint", mysql.CHAR(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_indexes_knowledge_base_id", "indexes", ["knowledge_base_id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("knowledge_base_id", mysql.BIGINT(), nullable=False),
        sa.Column("document_id", mysql.BIGINT(), nullable=False),
        sa.Column("revision_id", mysql.BIGINT(), nullable=True),
        sa.Column("document_name", sa.String(length=500), nullable=False),
        sa.Column("size", mysql.BIGINT(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("not_before", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("error", mysql.TEXT(), nullable=True),
        sa.Column("remedy", mysql.TEXT(), nullable=True),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("updated_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_jobs_document_id", "jobs", ["document_id"], unique=False)
    op.create_index("ix_jobs_owner", "jobs", ["owner"], unique=False)
    op.create_index("ix_jobs_state", "jobs", ["state", "not_before"], unique=False)
    op.create_index("ix_jobs_updated_at", "jobs", ["knowledge_base_id", "updated_at"], unique=False)
    op.create_table(
        "knowledge_bases",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("deletion", mysql.BIGINT(), nullable=False),
        sa.Column("active_index_id", mysql.BIGINT(), nullable=True),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("deleted_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "deletion", name="uq_knowledge_bases_name"),
    )
    op.create_index(
        "ix_knowledge_bases_deleted_at", "knowledge_bases", ["deleted_at"], unique=False
    )
    op.create_table(
        "revision_texts",
        sa.Column("revision_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", mysql.LONGTEXT(), nullable=False),
        sa.PrimaryKeyConstraint("revision_id", "part"),
    )
    op.create_table(
        "revisions",
        sa.Column("id", mysql.BIGINT(), autoincrement=True, nullable=False),
        sa.Column("document_id", mysql.BIGINT(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_hash", mysql.CHAR(length=64), nullable=False),
        sa.Column("size", mysql.BIGINT(), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("parser", sa.String(length=100), nullable=True),
        sa.Column("title", sa.String(length=500), nullable=True),
        sa.Column("characters", mysql.BIGINT(), nullable=True),
        sa.Column("text_parts", sa.Integer(), nullable=True),
        sa.Column("section_map", mysql.LONGTEXT(), nullable=True),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "number", name="uq_revisions_number"),
    )


def downgrade() -> None:
    op.drop_table("revisions")
    op.drop_table("revision_texts")
    op.drop_table("knowledge_bases")
    op.drop_table("jobs")
    op.drop_table("indexes")
    op.drop_table("indexed_revisions")
    op.drop_table("documents")
    op.drop_table("blobs")
