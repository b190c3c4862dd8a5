"""Which way a question was asked, and what came of it.

Locks: none that anyone waits for; TiDB adds columns without rewriting rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "turns", sa.Column("way", sa.String(length=16), nullable=False, server_default="quick")
    )
    op.add_column(
        "turns", sa.Column("kind", sa.String(length=16), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("turns", "kind")
    op.drop_column("turns", "way")
