"""The store of a knowledge base's own test questions, with the passages that answer them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.question_tables import QuestionRow, RightPassageRow
from app.documents.tables import DocumentRow
from app.errors import InvalidRequest, QuestionNotFound

LONGEST = 8_000  # characters, as of a search
LONGEST_QUOTE = 20_000
MOST = 2_000  # questions of a knowledge base


@dataclass(frozen=True)
class RightPassage:
    """Words of a document that answer a question, whatever revision they are in by now."""

    document_id: int
    document_name: str
    quote: str


@dataclass(frozen=True)
class Question:
    id: int
    text: str
    created_at: datetime
    right: tuple[RightPassage, ...] = field(default=())
    unanswerable: bool = False
    """Whether a person said that nothing in the documents answers it."""


@dataclass(frozen=True)
class QuestionStore:
    database: Database

    def save(self, knowledge_base_id: int, text: str, document_id: int, quote: str) -> int:
        """Note that `quote`, of a document, answers the question; gives the question's id.

        The same question again gains another passage; the same passage again changes nothing.

        Raises:
            InvalidRequest: nothing to ask, nothing that answers, or too much of either.
        """
        asked, words = " ".join(text.split()), quote.strip()
        _check(asked, words)
        for last in (False, True):
            try:
                return self.database.transaction(
                    lambda session: _saved(session, knowledge_base_id, asked, (document_id, words))
                )
            except IntegrityError:  # somebody saved the same question meanwhile: it is there now
                if last:
                    raise
        raise AssertionError("the loop returns or raises")

    def save_unanswerable(self, knowledge_base_id: int, text: str) -> int:
        """Note that nothing in the documents answers the question; gives the question's id.

        Raises:
            InvalidRequest: nothing to ask, or too much.
        """
        asked = " ".join(text.split())
        _check(asked, asked)

        def write(session: Session) -> int:
            row = _row(session, knowledge_base_id, asked)
            row.unanswerable = True
            return row.id

        try:
            return self.database.transaction(write)
        except IntegrityError:  # somebody saved the same question meanwhile: it is there now
            return self.database.transaction(write)

    def list(self, knowledge_base_id: int) -> tuple[Question, ...]:
        """The questions, oldest first, with those of their passages whose document is there."""

        def read(session: Session) -> tuple[Question, ...]:
            rows = session.scalars(
                select(QuestionRow)
                .where(QuestionRow.knowledge_base_id == knowledge_base_id)
                .order_by(QuestionRow.id)
                .limit(MOST)
            ).all()
            right = _right(session, [row.id for row in rows])
            return tuple(
                Question(
                    row.id,
                    row.text,
                    with_zone(row.created_at),
                    tuple(right.get(row.id, ())),
                    row.unanswerable,
                )
                for row in rows
            )

        return self.database.transaction(read)

    def delete(self, knowledge_base_id: int, question_id: int) -> None:
        """Forget a question.

        Raises:
            QuestionNotFound: the knowledge base has no such question.
        """

        def forget(session: Session) -> None:
            row = session.get(QuestionRow, question_id)
            if row is None or row.knowledge_base_id != knowledge_base_id:
                raise QuestionNotFound(f"There is no question {question_id}.")
            session.execute(
                delete(RightPassageRow).where(RightPassageRow.question_id == question_id)
            )
            session.delete(row)

        self.database.transaction(forget)


def _check(text: str, quote: str) -> None:
    if not text or len(text) > LONGEST or "\0" in text:
        raise InvalidRequest(
            "The question is empty, or too long.", remedy=f"Ask in 1 to {LONGEST:,} characters."
        )
    if not quote or len(quote) > LONGEST_QUOTE:
        raise InvalidRequest(
            "The passage is empty, or too long.",
            remedy=f"Give the words that answer it, at most {LONGEST_QUOTE:,} characters.",
        )


def _saved(session: Session, knowledge_base_id: int, text: str, answer: tuple[int, str]) -> int:
    document_id, quote = answer
    row = _row(session, knowledge_base_id, text)
    row.unanswerable = False
    known = session.scalars(
        select(RightPassageRow.quote).where(
            RightPassageRow.question_id == row.id, RightPassageRow.document_id == document_id
        )
    ).all()
    if quote not in known:
        session.add(RightPassageRow(question_id=row.id, document_id=document_id, quote=quote))
    return row.id


def _row(session: Session, knowledge_base_id: int, text: str) -> QuestionRow:
    """The row of that question, made if it is not there."""
    digest = hashlib.sha256(text.casefold().encode(errors="replace")).hexdigest()
    row = session.scalar(
        select(QuestionRow).where(
            QuestionRow.knowledge_base_id == knowledge_base_id, QuestionRow.text_hash == digest
        )
    )
    if row is None:
        row = QuestionRow(
            knowledge_base_id=knowledge_base_id,
            text=text,
            text_hash=digest,
            unanswerable=False,
            created_at=now(),
        )
        session.add(row)
        session.flush()
    return row


def _right(session: Session, question_ids: Sequence[int]) -> dict[int, list[RightPassage]]:
    rows = session.execute(
        select(
            RightPassageRow.question_id,
            RightPassageRow.document_id,
            DocumentRow.name,
            RightPassageRow.quote,
        )
        .join(DocumentRow, DocumentRow.id == RightPassageRow.document_id)
        .where(RightPassageRow.question_id.in_(question_ids), DocumentRow.deletion == 0)
        .order_by(RightPassageRow.id)
    )
    right: dict[int, list[RightPassage]] = {}
    for question_id, document_id, name, quote in rows:
        right.setdefault(question_id, []).append(RightPassage(document_id, name, quote))
    return right
