"""A conversation as the page shows it: one branch of it, its turns in order."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.answering.conversation import Conversation, Turn, leaf_of, path_to
from app.answering.feedback import Feedback, FeedbackStore
from app.web.addresses import address
from app.web.api.answer import AnswerShape
from app.web.api.conversation import answer_of, looked_for, parts_of, written_of
from app.web.live import HIDDEN
from app.web.pages.answer_view import AnswerView, answer_view

BROKE_OFF = "The answer broke off here."
IN_PART = "Not every knowledge base could be searched as it should."


@dataclass(frozen=True)
class Branches:
    """Which of the turns with the same parent is shown, and the addresses of its neighbours."""

    place: int
    of: int
    previous: str | None
    following: str | None


@dataclass(frozen=True)
class TurnView:
    """A question and its answer; `answer` is missing while it is written, or if it broke off."""

    id: int
    parent: int | None
    question: str
    standalone: str
    """What was looked for, where that was put in other words."""
    only: str
    """The conditions on what was read."""
    further: tuple[str, ...]
    """The knowledge bases that were asked beside the conversation's own."""
    documents: tuple[int, ...]
    """The only ones that were read, where some were chosen."""
    approach: str
    parts: tuple[str, ...]
    """What was looked for one by one, of a question that was divided."""
    state: str
    answer: AnswerView | None
    written: AnswerView | None
    """What there is of an answer that was stopped or broke off."""
    trouble: str
    branches: Branches
    feedback: Feedback | None
    """What its asker thinks of it."""


@dataclass(frozen=True)
class ConversationView:
    id: int
    title: str
    base: str
    shared: bool
    turns: tuple[TurnView, ...]

    @property
    def last(self) -> int | None:
        return self.turns[-1].id if self.turns else None


def conversation_view(
    conversation: Conversation,
    turns: tuple[Turn, ...],
    turn_id: int | None,
    feedback: FeedbackStore | None = None,
) -> ConversationView:
    """The branch through `turn_id`, or the newest.

    With opinions where `feedback` is given; else as whoever was sent a link reads it.
    """
    shown = path_to(turns, leaf_of(turns, turn_id))
    given = feedback.of(tuple(turn.id for turn in shown)) if feedback else {}
    return ConversationView(
        conversation.id,
        conversation.title,
        conversation.knowledge_base,
        conversation.shared,
        tuple(
            _turn(turn, turns, conversation, given.get(turn.id), own=feedback is not None)
            for turn in shown
        ),
    )


def _turn(
    turn: Turn,
    turns: tuple[Turn, ...],
    conversation: Conversation,
    feedback: Feedback | None,
    *,
    own: bool,
) -> TurnView:
    answer = answer_of(turn)
    written = written_of(turn) if answer is None else None
    if answer is not None and not own:
        answer = _for_strangers(answer)
    standalone = looked_for(turn)
    return TurnView(
        id=turn.id,
        parent=turn.parent_id,
        question=turn.question,
        standalone=standalone if standalone != turn.question else "",
        only=turn.only,
        further=turn.further,
        documents=turn.document_ids,
        approach=turn.approach,
        parts=parts_of(turn),
        state=turn.state,
        answer=answer_view(answer, conversation.knowledge_base) if answer else None,
        written=answer_view(written, conversation.knowledge_base) if written else None,
        trouble=_trouble(turn) if own or turn.state != "failed" else BROKE_OFF,
        branches=_branches(turn, turns, conversation.id),
        feedback=feedback,
    )


def _for_strangers(answer: AnswerShape) -> AnswerShape:
    """Without the words of providers, which may tell where they are, and what they were sent."""
    told = {"problems": (IN_PART,) if answer.problems else (), "judgement": "", "prompt": None}
    return answer.model_copy(update=told)


def _trouble(turn: Turn) -> str:
    if turn.hidden:
        return HIDDEN
    if turn.state == "stopped":
        return "Stopped. What was written is kept."
    if turn.state == "failed":
        for name, data in turn.said:
            if name == "error":
                error = json.loads(data)["error"]
                return f"{error['message']} {error['remedy'] or ''}".strip()
        return "The answer broke off. Try again."
    return ""


def _branches(turn: Turn, turns: tuple[Turn, ...], conversation_id: int) -> Branches:
    alike = [one.id for one in turns if one.parent_id == turn.parent_id]
    place = alike.index(turn.id)

    def at(index: int) -> str | None:
        if not 0 <= index < len(alike):
            return None
        return address("/ask", ("conversation", conversation_id), ("turn", alike[index]))

    return Branches(place + 1, len(alike), at(place - 1), at(place + 1))
