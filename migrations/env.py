"""Alembic's entry: the database is Tidemark's own, on the connection that `migrate` opened."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

import app.access.tables
import app.answering.tables
import app.documents.question_tables
import app.documents.tables
import app.embedding.tables
import app.indexes.tables
import app.ingestion.fetching.tables
import app.ingestion.tables  # noqa: F401 - each module declares its tables on FixedTable
from app.config import load_settings
from app.database.tables import FixedTable


def index_tables_are_not_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Index tables come from their model at run time, and go the same way."""
    return not (
        kind == "table"
        and name is not None
        and name.startswith(("chunks_", "postings_", "signatures_"))
    )


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        url = load_settings().tidb_database_url
        if url is None:
            raise SystemExit(
                "Set TIDB_DATABASE_URL to run Alembic by hand; `serve` needs no such step."
            )
        connection = create_engine(url.get_secret_value()).connect()
    context.configure(
        connection=connection,
        target_metadata=FixedTable.metadata,
        include_name=index_tables_are_not_ours,
        # TiDB commits each DDL statement by itself.
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
