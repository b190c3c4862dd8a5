"""Which knowledge base a conversation is with: its name may be another's by now.

Rows of before, and of processes of the version before, go on without it. Locks: none; TiDB adds
such columns without touching the rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import BIGINT

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("knowledge_base_id", BIGINT))


def downgrade() -> None:
    op.drop_column("conversations", "knowledge_base_id")
