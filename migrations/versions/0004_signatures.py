"""A table of signatures for each index that is there, made from its vectors.

Locks: none; the tables are new. Reads every vector once: about a second for 5,000 chunks.
"""

from __future__ import annotations

import json

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROWS = 1_000


def upgrade() -> None:
    connection = op.get_bind()
    tables = {name for (name,) in connection.execute(sa.text("SHOW TABLES"))}
    for index_id, recipe in connection.execute(sa.text("SELECT id, recipe FROM indexes")).all():
        if f"chunks_{index_id}" in tables:
            _sign(connection, index_id, json.loads(recipe)["dimensions"])


def _sign(connection: sa.Connection, index_id: int, dimensions: int) -> None:
    # As app/indexes/signatures.py was when this was written: 64 signs to a column, none left over.
    width = -(-dimensions // 64)
    columns = ", ".join(f"b{n} BIGINT UNSIGNED NOT NULL" for n in range(width))
    connection.execute(
        sa.text(
            f"CREATE TABLE IF NOT EXISTS signatures_{index_id} "
            f"(chunk_id BIGINT NOT NULL, {columns}, PRIMARY KEY (chunk_id) CLUSTERED)"
        )
    )
    values = ", ".join(["%s"] * (width + 1))
    last = 0
    while rows := connection.execute(
        sa.text(
            f"SELECT id, embedding FROM chunks_{index_id} "  # noqa: S608 - a number of ours
            "WHERE id > :last ORDER BY id LIMIT :rows"
        ),
        {"last": last, "rows": ROWS},
    ).all():
        signs = np.array([json.loads(vector) for _, vector in rows]) > 0
        padded = np.pad(signs, ((0, 0), (0, -dimensions % 64)))
        words = np.packbits(padded, axis=1).view(">u8").tolist()
        connection.exec_driver_sql(
            f"REPLACE INTO signatures_{index_id} VALUES ({values})",  # noqa: S608 - as above
            [(row[0], *of_row) for row, of_row in zip(rows, words, strict=True)],
        )
        last = rows[-1][0]


def downgrade() -> None:
    connection = op.get_bind()
    for (index_id,) in connection.execute(sa.text("SELECT id FROM indexes")).all():
        op.execute(f"DROP TABLE IF EXISTS signatures_{index_id}")
