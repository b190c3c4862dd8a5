"""What a question was narrowed to.

Locks: none that anyone waits for; TiDB adds columns without rewriting rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "turns", sa.Column("only", sa.String(length=500), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("turns", "only")
