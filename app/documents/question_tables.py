"""The rows of a knowledge base's own test questions, and of what evaluations found for them."""

from __future__ import annotations

from sqlalchemy import Double, Index, Integer, String, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.mysql import BIGINT, CHAR, LONGTEXT, MEDIUMTEXT, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables import FixedTable, Id, Moment, Reference


class QuestionRow(FixedTable):
    __tablename__ = "questions"
    __table_args__ = (UniqueConstraint("knowledge_base_id", "text_hash", name="uq_questions_text"),)

    id: Mapped[Id]
    knowledge_base_id: Mapped[Reference]
    text: Mapped[str] = mapped_column(TEXT)
    text_hash: Mapped[str] = mapped_column(CHAR(64))
    unanswerable: Mapped[bool] = mapped_column(server_default=sql("0"))
    """Whether a person said that nothing in the documents answers it."""
    created_at: Mapped[Moment]


class RightPassageRow(FixedTable):
    """A passage that answers a question: a document, and the words, which outlive the revision."""

    __tablename__ = "right_passages"
    __table_args__ = (
        Index("ix_right_passages_question_id", "question_id"),
        Index("ix_right_passages_document_id", "document_id"),
    )

    id: Mapped[Id]
    question_id: Mapped[Reference]
    document_id: Mapped[Reference]
    quote: Mapped[str] = mapped_column(MEDIUMTEXT)


class WrittenQuestionRow(FixedTable):
    """A chat model's question for a passage; `made_of` is a hash of what the model was given."""

    __tablename__ = "written_questions"

    document_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    made_of: Mapped[str] = mapped_column(CHAR(64), primary_key=True)
    question: Mapped[str] = mapped_column(TEXT)
    created_at: Mapped[Moment]


class EvaluationRow(FixedTable):
    """One way to search, measured on one set of questions."""

    __tablename__ = "evaluations"
    __table_args__ = (Index("ix_evaluations_knowledge_base_id", "knowledge_base_id"),)

    id: Mapped[Id]
    knowledge_base_id: Mapped[Reference]
    questions_of: Mapped[str] = mapped_column(String(200))
    way: Mapped[str] = mapped_column(String(20))
    settings: Mapped[str] = mapped_column(TEXT)
    questions: Mapped[int] = mapped_column(Integer)
    ndcg: Mapped[float] = mapped_column(Double)
    recall: Mapped[float] = mapped_column(Double)
    reciprocal_rank: Mapped[float] = mapped_column(Double)
    seconds: Mapped[float] = mapped_column(Double)
    created_at: Mapped[Moment]


class AnswerEvaluationRow(FixedTable):
    """Answers, measured: `measures` and `outcomes` are JSON, see app/evaluation/answers.py."""

    __tablename__ = "answer_evaluations"
    __table_args__ = (Index("ix_answer_evaluations_knowledge_base_id", "knowledge_base_id"),)

    id: Mapped[Id]
    knowledge_base_id: Mapped[Reference]
    way: Mapped[str] = mapped_column(String(16))
    settings: Mapped[str] = mapped_column(TEXT)
    measures: Mapped[str] = mapped_column(TEXT)
    outcomes: Mapped[str] = mapped_column(LONGTEXT)
    created_at: Mapped[Moment]


class EvaluatedQuestionRow(FixedTable):
    """What one question of an evaluation found: `found` is JSON, see app/evaluation/outcome.py."""

    __tablename__ = "evaluated_questions"

    evaluation_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    question: Mapped[str] = mapped_column(TEXT)
    ndcg: Mapped[float] = mapped_column(Double)
    recall: Mapped[float] = mapped_column(Double)
    reciprocal_rank: Mapped[float] = mapped_column(Double)
    found: Mapped[str] = mapped_column(LONGTEXT)
