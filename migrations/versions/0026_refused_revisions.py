"""Why an index's model refused a document, so that its build goes on with the others.

Locks: none; TiDB adds such columns without touching the rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import TEXT

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("indexed_revisions", sa.Column("error", TEXT))
    op.add_column("indexed_revisions", sa.Column("remedy", TEXT))


def downgrade() -> None:
    op.drop_column("indexed_revisions", "remedy")
    op.drop_column("indexed_revisions", "error")
