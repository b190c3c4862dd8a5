"""Embedding models beside that of the settings, with where each is served.

Locks: none; a new table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "added_models",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("api_base", sa.String(length=200), nullable=False),
        sa.Column("sealed_key", mysql.VARBINARY(length=2000), nullable=True),
        sa.Column("price", sa.Double(), nullable=True),
        sa.Column("added_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("added_models")
