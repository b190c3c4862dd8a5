"""Questions: a knowledge base's own, with the passages that answer them; and evaluations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, status
from pydantic import Field

from app.access.rights import Right
from app.documents.model import KnowledgeBase
from app.documents.questions import Question
from app.errors import DocumentNotFound, QuestionNotFound
from app.evaluation.outcome import Kept, Outcome
from app.services import Services
from app.web.access import needs
from app.web.api.shape import LARGEST_ID, Shape, errors
from app.web.wiring import ReadableKnowledgeBase, Wired

router = APIRouter(tags=["Quality"])

QuestionId = Annotated[
    int, Path(ge=1, le=LARGEST_ID, description="The question's id.", examples=[3])
]
EvaluationId = Annotated[
    int, Path(ge=1, le=LARGEST_ID, description="The evaluation's id.", examples=[7])
]


class NewQuestion(Shape):
    """A question, and words of a document that answer it."""

    question: str = Field(examples=["when does the tide turn"])
    document_id: int = Field(ge=1, le=LARGEST_ID, examples=[12])
    """The document that answers it."""
    quote: str = Field(examples=["The tide turns at noon on days of a new moon."])
    """Its words that do: the `text` of a search's result, or a part of it."""


class RightPassageShape(Shape):
    document_id: int = Field(examples=[12])
    document_name: str = Field(examples=["guides/harbour.pdf"])
    quote: str = Field(examples=["The tide turns at noon on days of a new moon."])


class QuestionShape(Shape):
    """One of the knowledge base's own questions."""

    id: int = Field(examples=[3])
    question: str = Field(examples=["when does the tide turn"])
    right: tuple[RightPassageShape, ...]
    """What answers it."""
    created_at: datetime

    @classmethod
    def of(cls, question: Question) -> QuestionShape:
        return cls(
            id=question.id,
            question=question.text,
            right=tuple(
                RightPassageShape(
                    document_id=each.document_id,
                    document_name=each.document_name,
                    quote=each.quote,
                )
                for each in question.right
            ),
            created_at=question.created_at,
        )


class QuestionList(Shape):
    questions: tuple[QuestionShape, ...]


class EvaluationShape(Shape):
    """One way to search, measured on all questions: means, from 0 to 1."""

    id: int = Field(examples=[7])
    questions_of: str = Field(examples=["its own questions"])
    """A collection's name, or the knowledge base's own."""
    mode: str = Field(examples=["hybrid"])
    questions: int = Field(examples=[40])
    ndcg: float = Field(examples=[0.81])
    recall: float = Field(examples=[0.9])
    reciprocal_rank: float = Field(examples=[0.77])
    settings: dict[str, str] = Field(examples=[{"model": "local/all-MiniLM-L6-v2"}])
    """What it was measured with."""
    seconds: float = Field(examples=[3.2])
    created_at: datetime

    @classmethod
    def of(cls, kept: Kept) -> EvaluationShape:
        return cls(
            id=kept.id,
            questions_of=kept.questions_of,
            mode=kept.way,
            questions=kept.questions,
            ndcg=kept.measures.ndcg,
            recall=kept.measures.recall,
            reciprocal_rank=kept.measures.reciprocal_rank,
            settings=kept.settings,
            seconds=kept.seconds,
            created_at=kept.created_at,
        )


class FoundShape(Shape):
    document_name: str = Field(examples=["guides/harbour.pdf"])
    text: str = Field(examples=["The tide turns at noon"])
    score: float = Field(examples=[0.6213])
    right: bool = Field(examples=[True])


class OutcomeShape(Shape):
    """What one question found."""

    question: str = Field(examples=["when does the tide turn"])
    ndcg: float = Field(examples=[0.63])
    recall: float = Field(examples=[1.0])
    reciprocal_rank: float = Field(examples=[0.5])
    found: tuple[FoundShape, ...]
    missed: tuple[str, ...] = Field(examples=[["guides/harbour.pdf: At dusk it turns again."]])
    """What should have been found."""

    @classmethod
    def of(cls, outcome: Outcome) -> OutcomeShape:
        return cls(
            question=outcome.question,
            ndcg=outcome.measures.ndcg,
            recall=outcome.measures.recall,
            reciprocal_rank=outcome.measures.reciprocal_rank,
            found=tuple(
                FoundShape(document_name=f.document, text=f.text, score=f.score, right=f.right)
                for f in outcome.found
            ),
            missed=outcome.missed,
        )


class EvaluationList(Shape):
    evaluations: tuple[EvaluationShape, ...]


class EvaluationReply(EvaluationShape):
    """An evaluation with what each question found."""

    outcomes: tuple[OutcomeShape, ...]


@router.get("/knowledge-bases/{name}/questions", responses=errors(404, 422, 503))
@needs(Right.READ)
def list_questions(base: ReadableKnowledgeBase, services: Wired) -> QuestionList:
    """The knowledge base's own questions, oldest first."""
    return QuestionList(
        questions=tuple(QuestionShape.of(each) for each in services.questions.list(base.id))
    )


@router.post(
    "/knowledge-bases/{name}/questions",
    status_code=status.HTTP_201_CREATED,
    responses=errors(404, 422, 503),
)
@needs(Right.WRITE)
def save_question(base: ReadableKnowledgeBase, new: NewQuestion, services: Wired) -> QuestionShape:
    """Note that a passage answers a question; `tidemark evaluate` asks it from then on."""
    saved = save(services, base, new.question, new.document_id, new.quote)
    for question in services.questions.list(base.id):
        if question.id == saved:
            return QuestionShape.of(question)
    raise QuestionNotFound(f"There is no question {saved}.")  # deleted at once by somebody


@router.delete(
    "/knowledge-bases/{name}/questions/{question_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=errors(404, 422, 503),
)
@needs(Right.WRITE)
def delete_question(base: ReadableKnowledgeBase, question_id: QuestionId, services: Wired) -> None:
    """Forget a question."""
    services.questions.delete(base.id, question_id)


@router.get("/knowledge-bases/{name}/evaluations", responses=errors(404, 422, 503))
@needs(Right.READ)
def list_evaluations(base: ReadableKnowledgeBase, services: Wired) -> EvaluationList:
    """What was measured, newest first."""
    return EvaluationList(
        evaluations=tuple(EvaluationShape.of(e) for e in services.evaluations.list(base.id))
    )


@router.get("/knowledge-bases/{name}/evaluations/{evaluation_id}", responses=errors(404, 422, 503))
@needs(Right.READ)
def read_evaluation(
    base: ReadableKnowledgeBase, evaluation_id: EvaluationId, services: Wired
) -> EvaluationReply:
    """One evaluation, with what each question found."""
    kept, outcomes = services.evaluations.get(base.id, evaluation_id)
    return EvaluationReply(
        **EvaluationShape.of(kept).model_dump(),
        outcomes=tuple(OutcomeShape.of(outcome) for outcome in outcomes),
    )


def save(
    services: Services, base: KnowledgeBase, question: str, document_id: int, quote: str
) -> int:
    """Save a question whose passage is in a document of this knowledge base."""
    if services.documents.get(document_id).knowledge_base_id != base.id:
        raise DocumentNotFound(f"There is no document {document_id} in {base.name}.")
    return services.questions.save(base.id, question, document_id, quote)
