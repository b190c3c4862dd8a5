"""The knowledge bases that a question was asked of beside the conversation's own.

Locks: none that anyone waits for; TiDB adds columns without rewriting rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "turns", sa.Column("further", sa.String(length=1000), nullable=False, server_default="[]")
    )


def downgrade() -> None:
    op.drop_column("turns", "further")
