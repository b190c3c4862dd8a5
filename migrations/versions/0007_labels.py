"""Tags and metadata of documents.

Locks: none; the table is new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document_labels",
        sa.Column("document_id", mysql.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("document_id", "name", "value"),
    )
    op.create_index("ix_document_labels_value", "document_labels", ["name", "value"], unique=False)


def downgrade() -> None:
    op.drop_table("document_labels")
