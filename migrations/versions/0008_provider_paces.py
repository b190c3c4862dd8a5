"""How much of each provider account's rate is used, for all processes together.

Locks: none; a new table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_paces",
        sa.Column("account", sa.CHAR(length=64), nullable=False),
        sa.Column("requests_empty_at", sa.Double(), nullable=False),
        sa.Column("tokens_empty_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )


def downgrade() -> None:
    op.drop_table("provider_paces")
