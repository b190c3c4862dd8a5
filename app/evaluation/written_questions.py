"""The store of questions that a chat model wrote for passages, so that each is paid for once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now
from app.documents.question_tables import WrittenQuestionRow

Key = tuple[int, str]
"""The document that a passage is of, and a hash of what was asked of the model."""


@dataclass(frozen=True)
class WrittenQuestionStore:
    database: Database

    def read(self, keys: Collection[Key]) -> dict[Key, str]:
        """Those of the questions that are there."""
        documents = {document_id for document_id, _ in keys}

        def look(session: Session) -> dict[Key, str]:
            rows = session.execute(
                select(
                    WrittenQuestionRow.document_id,
                    WrittenQuestionRow.made_of,
                    WrittenQuestionRow.question,
                ).where(
                    WrittenQuestionRow.document_id.in_(documents),
                    WrittenQuestionRow.made_of.in_({made_of for _, made_of in keys}),
                )
            )
            return {(document_id, made_of): question for document_id, made_of, question in rows}

        return self.database.transaction(look) if keys else {}

    def keep(self, questions: Mapping[Key, str]) -> None:
        """Keep them as long as their documents are; one that is there already stays."""
        rows = [
            {
                "document_id": document_id,
                "made_of": made_of,
                "question": question,
                "created_at": now(),
            }
            for (document_id, made_of), question in questions.items()
        ]
        statement = insert(WrittenQuestionRow)
        statement = statement.on_duplicate_key_update(made_of=statement.inserted.made_of)
        if rows:
            self.database.transaction(lambda session: session.execute(statement, rows) and None)
