"""An index that tells how far a queue of addresses is, without looking at its rows.

Locks: none; TiDB adds indexes while the table is used.
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    columns = ["knowledge_base_id", "state", "updated_at"]
    op.create_index("ix_addresses_ended", "addresses", columns)
    op.drop_index("ix_addresses_state", "addresses")


def downgrade() -> None:
    op.create_index("ix_addresses_state", "addresses", ["knowledge_base_id", "state"])
    op.drop_index("ix_addresses_ended", "addresses")
