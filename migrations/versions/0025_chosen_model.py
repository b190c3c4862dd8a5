"""The chat model that was chosen on its page, with its key encrypted: one row or none.

Locks: none; a new table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chosen_model",
        sa.Column("id", mysql.BIGINT(), nullable=False, autoincrement=False),
        sa.Column("model", sa.String(300), nullable=False),
        sa.Column("api_base", sa.String(500), nullable=True),
        sa.Column("sealed_key", mysql.VARBINARY(2000), nullable=True),
        sa.Column("chosen_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("chosen_model")
