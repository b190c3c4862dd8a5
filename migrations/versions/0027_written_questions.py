"""Questions that a chat model wrote for a comparison: the next one asks them again, for nothing.

Locks: none, the table is new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import BIGINT, CHAR, DATETIME, TEXT

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "written_questions",
        sa.Column("document_id", BIGINT, autoincrement=False, nullable=False),
        sa.Column("made_of", CHAR(64), nullable=False),
        sa.Column("question", TEXT, nullable=False),
        sa.Column("created_at", DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("document_id", "made_of"),
    )


def downgrade() -> None:
    op.drop_table("written_questions")
