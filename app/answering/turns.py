"""Turns as they are stored: their rows, and what is kept of an answer while it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.rights import Sight
from app.answering.answer import Answer, Approach, Quote, Support
from app.answering.conversation import NewTurn, State, Turn
from app.answering.tables import CitationRow, TurnRow
from app.database.connection import Database
from app.database.tables import now, with_zone
from app.documents.tables import KnowledgeBaseRow

STOPPING = "stopping"
"""Stored of a turn that is being written, and that its asker wants no more of."""
BEING_WRITTEN = {"writing", STOPPING}
SILENCE = timedelta(minutes=3)
"""After which an answer that nobody seems to write any more has broken off."""


@dataclass(frozen=True)
class TurnStore:
    """Turns while their answers are written, by whichever process.

    Whose they are has been asked before: of `ConversationStore`.
    """

    database: Database

    def note(self, turn_id: int, said: Sequence[tuple[str, str]], standalone: str) -> None:
        """Keep what has been said of an answer so far: another process may have to tell it."""

        def write(session: Session) -> None:
            row = session.get(TurnRow, turn_id, with_for_update=True)
            if row is not None and row.state in BEING_WRITTEN:
                row.said, row.standalone, row.beat_at = json.dumps(list(said)), standalone, now()

        self.database.transaction(write)

    def ask_to_stop(self, turn_id: int) -> None:
        """Tell the process that writes an answer, whichever it is, to write no more of it."""

        def write(session: Session) -> None:
            row = session.get(TurnRow, turn_id, with_for_update=True)
            if row is not None and row.state == "writing":
                row.state = STOPPING

        self.database.transaction(write)

    def beat(self, turn_id: int) -> bool:
        """Say that an answer is still being written; whether somebody wants no more of it."""

        def write(session: Session) -> bool:
            row = session.get(TurnRow, turn_id, with_for_update=True)
            if row is None:
                return True
            row.beat_at = now()
            return row.state == STOPPING

        return self.database.transaction(write)

    def finish(
        self, turn_id: int, state: State, said: Sequence[tuple[str, str]], answer: Answer | None
    ) -> None:
        """Keep an answer that has come to its end, whichever it was."""
        quotes: tuple[Quote, ...] = ()
        if answer is not None:
            quotes = tuple(dict.fromkeys(citation.quote for citation in answer.citations))

        def write(session: Session) -> None:
            row = session.get(TurnRow, turn_id, with_for_update=True)
            if row is None or row.state not in BEING_WRITTEN:
                return
            row.state, row.said, row.beat_at = state, json.dumps(list(said)), now()
            if answer is not None:
                row.kind = answer.kind
                row.supported = answer.counts["supported"]
                row.partly = answer.counts["partly"]
                row.unsupported = answer.counts["unsupported"]
            session.add_all(
                CitationRow(
                    turn_id=turn_id,
                    place=place,
                    document_id=quote.document_id,
                    revision_id=quote.revision_id,
                    start=quote.start,
                    end=quote.end,
                )
                for place, quote in enumerate(quotes)
            )

        self.database.transaction(write)


def insert_turn(session: Session, conversation_id: int, turn: NewTurn, sight: Sight) -> Turn:
    """Store a question whose answer is about to be written."""
    row = TurnRow(
        conversation_id=conversation_id,
        parent_id=turn.parent_id,
        question=turn.question,
        standalone=turn.standalone,
        top_k=turn.top_k,
        way=turn.approach,
        only=turn.only,
        further=json.dumps(turn.further),
        kind="",
        documents=json.dumps(turn.document_ids),
        state="writing",
        said="[]",
        supported=0,
        partly=0,
        unsupported=0,
        created_at=now(),
        beat_at=now(),
    )
    session.add(row)
    session.flush()
    return turn_of(row, bases_there(session, sight, [row]))


def turns_of(session: Session, conversation_id: int, sight: Sight) -> tuple[Turn, ...]:
    """The turns of a conversation, in the order in which they were asked."""
    query = select(TurnRow).where(TurnRow.conversation_id == conversation_id).order_by(TurnRow.id)
    rows = list(session.scalars(query))
    bases = bases_there(session, sight, rows)
    return tuple(turn_of(row, bases) for row in rows)


def bases_there(session: Session, sight: Sight, rows: Sequence[TurnRow]) -> dict[int, str]:
    """The names, by their ids, of the further knowledge bases of `rows` that are there."""
    asked = {base for row in rows for base in json.loads(row.further)}
    if not asked:
        return {}
    query = select(KnowledgeBaseRow.id, KnowledgeBaseRow.name).where(
        KnowledgeBaseRow.id.in_(asked),
        KnowledgeBaseRow.deletion == 0,
        sight.among(KnowledgeBaseRow.id),
    )
    return {row.id: row.name for row in session.execute(query)}


def turn_of(row: TurnRow, bases: Mapping[int, str]) -> Turn:
    """The turn that a row holds; of its further knowledge bases, `bases` are there."""
    further = json.loads(row.further)
    hidden = any(base not in bases for base in further)
    state = cast("State", "writing" if row.state == STOPPING else row.state)
    if state == "writing" and row.beat_at < now() - SILENCE:
        state = "failed"
    turn = Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        parent_id=row.parent_id,
        question=row.question,
        standalone=row.standalone,
        top_k=row.top_k,
        document_ids=tuple(json.loads(row.documents)),
        approach=cast("Approach", row.way),
        state=state,
        said=tuple((name, data) for name, data in json.loads(row.said)),
        counts={
            "supported": row.supported,
            "partly": row.partly,
            "unsupported": row.unsupported,
        },
        created_at=with_zone(row.created_at),
        only=row.only,
        further=tuple(bases[base] for base in further if base in bases),
        hidden=hidden,
    )
    if not hidden:
        return turn
    nothing: dict[Support, int] = dict.fromkeys(turn.counts, 0)
    return replace(turn, document_ids=(), said=(), counts=nothing)
