"""How good answers are: measured on the team's own questions, kept, and held against each other."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.answering.answer import Answer, Approach
from app.answering.answer_events import whole_answer
from app.answering.answerer import Answerer
from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.model import KnowledgeBase
from app.documents.question_tables import AnswerEvaluationRow
from app.documents.questions import Question, QuestionStore
from app.errors import InvalidRequest, TidemarkError
from app.evaluation.team_questions import Report, shows
from app.retrieval.query import Query

PASSAGES = 8  # that are read, as on the page
_SHOWN = 500  # characters of an answer that are kept
_KEPT = 50  # evaluations that are listed


@dataclass(frozen=True)
class AnswerOutcome:
    """One question's answer. `rightly` is whether it was answered or refused as it should be.

    `precise` of `cited` passages show what answers; `recalled` of `wanted` right passages are
    cited. `failed` is why there is no answer at all.
    """

    question: str
    text: str
    kind: str
    rightly: bool
    supported: int
    sentences: int
    precise: int
    cited: int
    recalled: int
    wanted: int
    milliseconds: float
    cost: float | None
    failed: str = ""


@dataclass(frozen=True)
class AnswerMeasures:
    """Over all questions; shares are from 0 to 1, None where there was nothing to count.

    `support`: of the sentences that were written, those whose quotes bear them out.
    `precision`: of the passages that are cited, those that a person marked as right. Others may be
    right too, without anyone having said so.
    `recall`: of the passages that were marked as right, those that are cited.
    `refusal`: of the questions, those that were answered, or refused, as they should be.
    `milliseconds` is the median; `cost` is of all, in US dollars, None where nobody knows.
    """

    questions: int
    support: float | None
    precision: float | None
    recall: float | None
    refusal: float | None
    milliseconds: float
    cost: float | None
    failed: int

    @classmethod
    def of(cls, outcomes: Sequence[AnswerOutcome]) -> AnswerMeasures:
        answered = [each for each in outcomes if not each.failed]
        costs = [each.cost for each in answered]
        return cls(
            len(outcomes),
            _share([(each.supported, each.sentences) for each in answered]),
            _share([(each.precise, each.cited) for each in answered if each.wanted]),
            _share([(each.recalled, each.wanted) for each in answered]),
            _share([(int(each.rightly), 1) for each in answered]),
            statistics.median(each.milliseconds for each in answered) if answered else 0.0,
            None if None in costs else sum(cost for cost in costs if cost is not None),
            len(outcomes) - len(answered),
        )


@dataclass(frozen=True)
class EvaluatedAnswers:
    """Answers to all questions, one way; `settings` say what they were made with."""

    way: Approach
    settings: dict[str, str]
    outcomes: tuple[AnswerOutcome, ...]

    @property
    def measures(self) -> AnswerMeasures:
        return AnswerMeasures.of(self.outcomes)


@dataclass(frozen=True)
class KeptAnswers:
    """An evaluation as it is kept."""

    id: int
    way: Approach
    settings: dict[str, str]
    measures: AnswerMeasures
    created_at: datetime


@dataclass(frozen=True)
class AnswerEvaluator:
    questions: QuestionStore
    answerer: Callable[[KnowledgeBase, int, Approach], Answerer]
    settings: Callable[[KnowledgeBase], dict[str, str]]

    def evaluate(
        self, base: KnowledgeBase, ways: Sequence[Approach], report: Report
    ) -> tuple[EvaluatedAnswers, ...]:
        """Answer every question that has a right passage, or that nothing should answer.

        A question whose answer fails is counted as failed, and the others go on.

        Raises:
            InvalidRequest: the knowledge base has no such question.
        """
        asked = [one for one in self.questions.list(base.id) if one.right or one.unanswerable]
        if not asked:
            raise InvalidRequest(
                f"{base.name} has no questions of its own yet.",
                remedy="Search, and choose “This is the right passage” where one is; "
                "or keep questions that were asked, on the page “Answers” of “Quality”.",
            )
        evaluated = []
        for way in ways:
            answerer = self.answerer(base, PASSAGES, way)
            outcomes = list[AnswerOutcome]()
            for question in asked:
                outcomes.append(_outcome(answerer, question))
                report(f"answered, {way}", len(outcomes), len(asked))
            evaluated.append(EvaluatedAnswers(way, self.settings(base), tuple(outcomes)))
        return tuple(evaluated)


@dataclass(frozen=True)
class AnswerEvaluationStore:
    database: Database

    def keep(self, knowledge_base_id: int, evaluated: Sequence[EvaluatedAnswers]) -> None:
        """Keep evaluations that were made together: they get one time."""

        def write(session: Session) -> None:
            together = now()
            for each in evaluated:
                session.add(
                    AnswerEvaluationRow(
                        knowledge_base_id=knowledge_base_id,
                        way=each.way,
                        settings=json.dumps(each.settings, ensure_ascii=False),
                        measures=json.dumps(asdict(each.measures)),
                        outcomes=json.dumps(
                            [asdict(outcome) for outcome in each.outcomes], ensure_ascii=False
                        ),
                        created_at=together,
                    )
                )

        self.database.transaction(write)

    def list(self, knowledge_base_id: int) -> tuple[KeptAnswers, ...]:
        """The latest evaluations, newest first."""

        def read(session: Session) -> tuple[KeptAnswers, ...]:
            columns = (
                AnswerEvaluationRow.id,
                AnswerEvaluationRow.way,
                AnswerEvaluationRow.settings,
                AnswerEvaluationRow.measures,
                AnswerEvaluationRow.created_at,
            )
            rows = session.execute(
                select(*columns)
                .where(AnswerEvaluationRow.knowledge_base_id == knowledge_base_id)
                .order_by(AnswerEvaluationRow.id.desc())
                .limit(_KEPT)
            )
            return tuple(
                KeptAnswers(
                    row.id,
                    cast("Approach", row.way),
                    json.loads(row.settings),
                    AnswerMeasures(**json.loads(row.measures)),
                    with_zone(row.created_at),
                )
                for row in rows
            )

        return self.database.transaction(read)

    def outcomes(self, knowledge_base_id: int, evaluation_id: int) -> tuple[AnswerOutcome, ...]:
        """What came of each question; nothing where there is no such evaluation."""

        def read(session: Session) -> tuple[AnswerOutcome, ...]:
            row = session.get(AnswerEvaluationRow, evaluation_id)
            if row is None or row.knowledge_base_id != knowledge_base_id:
                return ()
            return tuple(AnswerOutcome(**each) for each in json.loads(row.outcomes))

        return self.database.transaction(read)


def worst_answers_first(outcomes: Sequence[AnswerOutcome]) -> list[AnswerOutcome]:
    """Those that failed or should have been otherwise, then those with least that is borne out."""
    return sorted(
        outcomes,
        key=lambda o: (
            not o.failed,
            o.rightly,
            o.recalled / o.wanted if o.wanted else 1.0,
            o.supported / o.sentences if o.sentences else 1.0,
        ),
    )


def _outcome(answerer: Answerer, question: Question) -> AnswerOutcome:
    began = time.perf_counter()
    try:
        answer = whole_answer(answerer.answer(Query(question.text)))
    except TidemarkError as failed:
        took = 1000 * (time.perf_counter() - began)
        return _failed(question, took, failed.message)
    return _judged(answer, question)


def _failed(question: Question, milliseconds: float, why: str) -> AnswerOutcome:
    return AnswerOutcome(
        question.text,
        text="",
        kind="failed",
        rightly=False,
        supported=0,
        sentences=0,
        precise=0,
        cited=0,
        recalled=0,
        wanted=0,
        milliseconds=milliseconds,
        cost=None,
        failed=why,
    )


def _judged(answer: Answer, question: Question) -> AnswerOutcome:
    refused = answer.kind == "nothing found"
    cited = {citation.number: citation.passage for citation in answer.citations}
    wanted = () if question.unanswerable else question.right
    usage = answer.usage
    asked_model = answer.model is not None
    return AnswerOutcome(
        question.text,
        answer.text[:_SHOWN],
        answer.kind,
        refused == question.unanswerable,
        answer.counts["supported"],
        len(answer.sentences),
        sum(any(shows(passage, right) for right in wanted) for passage in cited.values()),
        len(cited),
        sum(any(shows(passage, right) for passage in cited.values()) for right in wanted),
        len(wanted),
        answer.milliseconds,
        usage.cost if usage else None if asked_model else 0.0,
    )


def _share(counts: Sequence[tuple[int, int]]) -> float | None:
    whole = sum(of for _, of in counts)
    return sum(part for part, _ in counts) / whole if whole else None
