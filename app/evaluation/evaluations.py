"""The store of evaluations: every run is kept, so that they can be compared over time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.question_tables import EvaluatedQuestionRow, EvaluationRow
from app.errors import EvaluationNotFound
from app.evaluation.measures import Measures
from app.evaluation.outcome import Evaluated, Found, Kept, Outcome, Way

MOST_SHOWN = 200


@dataclass(frozen=True)
class EvaluationStore:
    database: Database

    def keep(self, knowledge_base_id: int, evaluated: Iterable[Evaluated]) -> list[int]:
        """Keep evaluations that were run together: they get one time."""

        def write(session: Session) -> list[int]:
            together = now()
            kept = []
            for each in evaluated:
                row = EvaluationRow(
                    knowledge_base_id=knowledge_base_id,
                    questions_of=each.questions_of[:200],
                    way=each.way,
                    settings=json.dumps(each.settings, ensure_ascii=False),
                    questions=len(each.outcomes),
                    **asdict(each.measures),
                    seconds=each.seconds,
                    created_at=together,
                )
                session.add(row)
                session.flush()
                session.add_all(
                    _outcome_row(row.id, place, outcome)
                    for place, outcome in enumerate(each.outcomes)
                )
                kept.append(row.id)
            return kept

        return self.database.transaction(write)

    def list(self, knowledge_base_id: int, most: int = MOST_SHOWN) -> tuple[Kept, ...]:
        """The latest evaluations of the knowledge base, newest first."""

        def read(session: Session) -> tuple[Kept, ...]:
            rows = session.scalars(
                select(EvaluationRow)
                .where(EvaluationRow.knowledge_base_id == knowledge_base_id)
                .order_by(EvaluationRow.id.desc())
                .limit(most)
            )
            return tuple(_kept(row) for row in rows)

        return self.database.transaction(read)

    def get(self, knowledge_base_id: int, evaluation_id: int) -> tuple[Kept, tuple[Outcome, ...]]:
        """One evaluation, with each question's outcome.

        Raises:
            EvaluationNotFound: the knowledge base has no such evaluation.
        """

        def read(session: Session) -> tuple[Kept, tuple[Outcome, ...]]:
            row = session.get(EvaluationRow, evaluation_id)
            if row is None or row.knowledge_base_id != knowledge_base_id:
                raise EvaluationNotFound(f"There is no evaluation {evaluation_id}.")
            outcomes = session.scalars(
                select(EvaluatedQuestionRow)
                .where(EvaluatedQuestionRow.evaluation_id == evaluation_id)
                .order_by(EvaluatedQuestionRow.place)
            )
            return _kept(row), tuple(_outcome(each) for each in outcomes)

        return self.database.transaction(read)


def _outcome_row(evaluation_id: int, place: int, outcome: Outcome) -> EvaluatedQuestionRow:
    found = {"found": [asdict(each) for each in outcome.found], "missed": outcome.missed}
    return EvaluatedQuestionRow(
        evaluation_id=evaluation_id,
        place=place,
        question=outcome.question[:8_000],
        **asdict(outcome.measures),
        found=json.dumps(found, ensure_ascii=False),
    )


def _kept(row: EvaluationRow) -> Kept:
    return Kept(
        row.id,
        row.questions_of,
        Way(row.way),
        json.loads(row.settings),
        row.questions,
        Measures(row.ndcg, row.recall, row.reciprocal_rank),
        row.seconds,
        with_zone(row.created_at),
    )


def _outcome(row: EvaluatedQuestionRow) -> Outcome:
    kept = json.loads(row.found)
    return Outcome(
        row.question,
        Measures(row.ndcg, row.recall, row.reciprocal_rank),
        tuple(Found(**each) for each in kept["found"]),
        tuple(kept["missed"]),
    )
