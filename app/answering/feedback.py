"""What readers think of answers, and which answers and documents somebody should look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from app.access.rights import EVERYTHING, Sight
from app.answering.conversation import Turn
from app.answering.conversations import ConversationStore, base_is_there
from app.answering.tables import CitationRow, ConversationRow, FeedbackRow, TurnRow
from app.answering.turns import bases_there, turn_of
from app.database.connection import Database
from app.database.tables import now
from app.documents.tables import DocumentRow, KnowledgeBaseRow
from app.errors import ConversationNotFound, InvalidRequest

Reason = Literal["", "wrong", "incomplete", "wrong source", "out of date", "should know", "unclear"]
"""Why an answer is not good. `should know`: it says that nothing answers, and something does."""
REASONS: tuple[Reason, ...] = get_args(Reason)
LONGEST_CORRECTION = 8_000  # characters
SHOWN = 50  # entries of each list


@dataclass(frozen=True)
class Feedback:
    """A reader's opinion of an answer; `correction` is what it should have said."""

    good: bool
    reason: Reason = ""
    correction: str = ""


@dataclass(frozen=True)
class AskedTurn:
    """A question that somebody asked, with the opinion of its answer."""

    turn: Turn
    feedback: Feedback | None


@dataclass(frozen=True)
class CitedDocument:
    """A document and how many answers cite it."""

    id: int
    name: str
    answers: int


@dataclass(frozen=True)
class Use:
    """How answers from a knowledge base do: the worst and the newest first, `SHOWN` of each.

    `answers` counts all that are whole, `good` and `bad` the opinions of them.
    """

    answers: int
    good: int
    bad: int
    weak: tuple[AskedTurn, ...]
    unanswered: tuple[AskedTurn, ...]
    most_cited: tuple[CitedDocument, ...]
    never_cited: tuple[CitedDocument, ...]
    never_cited_in_all: int


@dataclass(frozen=True)
class FeedbackStore:
    """Opinions of answers. Who asked is told to nobody, nor what knowledge bases say that are not
    there for `sight`.
    """

    database: Database
    sight: Sight = EVERYTHING

    def give(self, owner: str, turn_id: int, feedback: Feedback) -> None:
        """Keep the opinion of whoever asked; a later one takes its place.

        Raises:
            ConversationNotFound: there is no such turn of the owner's.
            InvalidRequest: no such reason, or too long a correction.
        """
        if feedback.reason not in REASONS or len(feedback.correction) > LONGEST_CORRECTION:
            raise InvalidRequest(
                "The reason is not known, or the correction is too long.",
                remedy=f"Choose one of the reasons; write {LONGEST_CORRECTION:,} characters.",
            )
        ConversationStore(self.database).turn(owner, turn_id)

        def write(session: Session) -> None:
            session.merge(
                FeedbackRow(
                    turn_id=turn_id,
                    good=feedback.good,
                    reason=feedback.reason,
                    correction=feedback.correction.strip(),
                    given_at=now(),
                )
            )

        self.database.transaction(write)

    def of(self, turn_ids: tuple[int, ...]) -> dict[int, Feedback]:
        """The opinions that there are of those turns' answers."""

        def read(session: Session) -> dict[int, Feedback]:
            rows = session.scalars(select(FeedbackRow).where(FeedbackRow.turn_id.in_(turn_ids)))
            return {row.turn_id: _feedback(row) for row in rows}

        return self.database.transaction(read) if turn_ids else {}

    def asked(self, knowledge_base: str, turn_id: int) -> Turn:
        """A turn of anybody's conversation with the knowledge base, for whoever looks after it.

        Raises:
            ConversationNotFound: there is none, or its conversation was deleted.
        """

        def read(session: Session) -> Turn:
            turns = _turns(session, self.sight, knowledge_base)
            row = session.scalar(turns.where(TurnRow.id == turn_id))
            if row is None:
                raise ConversationNotFound(f"There is no turn {turn_id} of {knowledge_base}.")
            return turn_of(row, bases_there(session, self.sight, [row]))

        return self.database.transaction(read)

    def use(self, knowledge_base_id: int, knowledge_base: str) -> Use:
        """How answers from the knowledge base do."""

        def read(session: Session) -> Use:
            turns = _turns(session, self.sight, knowledge_base)
            answers, good, bad = _counts(session, turns)
            weak = session.execute(_weak(turns)).all()
            unanswered = session.execute(_unanswered(turns)).all()
            bases = bases_there(session, self.sight, [row for row, _ in (*weak, *unanswered)])
            never = _never_cited(knowledge_base_id)
            return Use(
                answers,
                good,
                bad,
                tuple(_asked(turn, feedback, bases) for turn, feedback in weak),
                tuple(_asked(turn, feedback, bases) for turn, feedback in unanswered),
                _most_cited(session, knowledge_base_id),
                tuple(
                    CitedDocument(row.id, row.name, 0)
                    for row in session.scalars(never.order_by(DocumentRow.name).limit(SHOWN))
                ),
                session.scalar(select(func.count()).select_from(never.subquery())) or 0,
            )

        return self.database.transaction(read)


def _turns(session: Session, sight: Sight, knowledge_base: str) -> Select[Any]:
    """The whole answers of conversations with that knowledge base, if all they rest on is there."""
    there = select(KnowledgeBaseRow.id).where(
        KnowledgeBaseRow.deletion == 0, sight.among(KnowledgeBaseRow.id)
    )
    bases = json.dumps(list(session.scalars(there)))
    return (
        select(TurnRow)
        .join(ConversationRow, ConversationRow.id == TurnRow.conversation_id)
        .where(
            ConversationRow.knowledge_base == knowledge_base,
            ConversationRow.deleted_at.is_(None),
            base_is_there(sight),
            TurnRow.kind != "",
            func.json_contains(bases, TurnRow.further) == 1,
        )
    )


def _counts(session: Session, turns: Select[Any]) -> tuple[int, int, int]:
    rows = turns.outerjoin(FeedbackRow, FeedbackRow.turn_id == TurnRow.id)
    counted = rows.with_only_columns(
        func.count(),
        func.sum(case((FeedbackRow.good.is_(True), 1), else_=0)),
        func.sum(case((FeedbackRow.good.is_(False), 1), else_=0)),
    )
    answers, good, bad = session.execute(counted).one()
    return int(answers), int(good or 0), int(bad or 0)


def _weak(turns: Select[Any]) -> Select[Any]:
    """Those that somebody found bad, and then those with most that rests on nothing."""
    bad = case((FeedbackRow.good.is_(False), 1), else_=0)
    unborne = 2 * TurnRow.unsupported + TurnRow.partly
    return (
        turns.add_columns(FeedbackRow)
        .outerjoin(FeedbackRow, FeedbackRow.turn_id == TurnRow.id)
        .where((bad == 1) | (unborne > 0))
        .order_by(bad.desc(), unborne.desc(), TurnRow.id.desc())
        .limit(SHOWN)
    )


def _unanswered(turns: Select[Any]) -> Select[Any]:
    """The newest questions that nothing answered."""
    return (
        turns.add_columns(FeedbackRow)
        .outerjoin(FeedbackRow, FeedbackRow.turn_id == TurnRow.id)
        .where(TurnRow.kind == "nothing found")
        .order_by(TurnRow.id.desc())
        .limit(SHOWN)
    )


def _most_cited(session: Session, knowledge_base_id: int) -> tuple[CitedDocument, ...]:
    answers = func.count(CitationRow.turn_id.distinct())
    rows = (
        select(DocumentRow.id, DocumentRow.name, answers)
        .join(CitationRow, CitationRow.document_id == DocumentRow.id)
        .where(DocumentRow.knowledge_base_id == knowledge_base_id, DocumentRow.deletion == 0)
        .group_by(DocumentRow.id, DocumentRow.name)
        .order_by(answers.desc(), DocumentRow.name)
        .limit(SHOWN)
    )
    return tuple(CitedDocument(*row) for row in session.execute(rows))


def _never_cited(knowledge_base_id: int) -> Select[Any]:
    cited = select(CitationRow.document_id).where(CitationRow.document_id == DocumentRow.id)
    return select(DocumentRow).where(
        DocumentRow.knowledge_base_id == knowledge_base_id,
        DocumentRow.deletion == 0,
        DocumentRow.current_revision_id.is_not(None),
        ~cited.exists(),
    )


def _asked(turn: TurnRow, feedback: FeedbackRow | None, bases: Mapping[int, str]) -> AskedTurn:
    return AskedTurn(turn_of(turn, bases), _feedback(feedback) if feedback else None)


def _feedback(row: FeedbackRow) -> Feedback:
    return Feedback(row.good, cast("Reason", row.reason), row.correction)
