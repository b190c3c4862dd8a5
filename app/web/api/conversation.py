"""The shapes of conversations, and what is read from what was said in their turns."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.answering.answer import Approach
from app.answering.conversation import (
    LONGEST_ONLY,
    MOST_FURTHER,
    Conversation,
    State,
    Turn,
)
from app.answering.feedback import LONGEST_CORRECTION, Reason
from app.web.api.answer import AnswerShape, CountsShape, SentenceShape
from app.web.api.answer_events import ReadingData, SentenceData
from app.web.api.passage import PassageShape
from app.web.api.shape import LARGEST_ID, Shape


class QuestionBody(Shape):
    """A question of a conversation."""

    question: str = Field(examples=["And when does it turn back?"])
    """At most 8,000 characters."""
    top_k: int = 8
    """How many passages are read at most: 1 to 200."""
    documents: tuple[Annotated[int, Field(ge=1, le=LARGEST_ID)], ...] = ()
    """Answer only from the documents of these ids."""
    only: str = Field(default="", max_length=LONGEST_ONLY, examples=["type:pdf after:2026-01-31"])
    """Answer only from what meets these conditions, written as in a search."""
    parent: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = None
    """The turn that it follows; null begins anew. Turns with the same parent are branches."""
    way: Approach = "quick"
    """`thorough` looks for each part of a question by itself."""
    standalone: str = ""
    """What to look for; rewritten from the question and those before it unless given."""
    further: tuple[str, ...] = Field(default=(), max_length=MOST_FURTHER, examples=[["contracts"]])
    """Further knowledge bases to answer from beside the conversation's own, by their names."""


class TitleBody(Shape):
    """A conversation's new title."""

    title: str = Field(examples=["Tides at the pier"])


class FeedbackBody(Shape):
    """An opinion of an answer; a later one takes its place."""

    good: bool = True
    reason: Reason = ""
    """Why it is not good."""
    correction: str = Field(default="", max_length=LONGEST_CORRECTION)
    """What it should have said."""


class ConversationShape(Shape):
    """Questions that belong together."""

    id: int = Field(examples=[5])
    knowledge_base: str = Field(examples=["handbook"])
    title: str = Field(examples=["When does the tide turn?"])
    shared: bool
    """Whether there is a link that others can read it by."""
    created_at: datetime
    updated_at: datetime
    url: str = Field(examples=["/ask?conversation=5"])

    @classmethod
    def of(cls, conversation: Conversation) -> ConversationShape:
        return cls(
            id=conversation.id,
            knowledge_base=conversation.knowledge_base,
            title=conversation.title,
            shared=conversation.shared,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
            url=f"/ask?conversation={conversation.id}",
        )


class TurnShape(Shape):
    """A question and its answer."""

    id: int = Field(examples=[9])
    conversation: int = Field(examples=[5])
    parent: int | None
    question: str = Field(examples=["And when does it turn back?"])
    standalone: str = Field(examples=["When does the tide turn back?"])
    """What was looked for; empty until that is known."""
    only: str = ""
    """The conditions on what was read."""
    way: Approach
    state: State
    counts: CountsShape
    further: tuple[str, ...] = Field(default=(), examples=[["contracts"]])
    """The knowledge bases that were asked beside the conversation's own."""
    hidden: bool = False
    """Whether one of them is not there for the caller any more: then there is no answer."""
    answer: AnswerShape | None
    """Null until it is whole, and where it was stopped or broke off, or is hidden."""

    @classmethod
    def of(cls, turn: Turn) -> TurnShape:
        return cls(
            id=turn.id,
            conversation=turn.conversation_id,
            parent=turn.parent_id,
            question=turn.question,
            standalone=looked_for(turn),
            only=turn.only,
            way=turn.approach,
            state=turn.state,
            counts=CountsShape(**turn.counts),
            further=turn.further,
            hidden=turn.hidden,
            answer=answer_of(turn),
        )


class ConversationsReply(Shape):
    """Conversations, the last used first."""

    conversations: tuple[ConversationShape, ...]


class ConversationReply(Shape):
    """A conversation and its turns, in the order in which they were asked."""

    conversation: ConversationShape
    turns: tuple[TurnShape, ...]


class ShareReply(Shape):
    """The link that others can read a conversation by; it is shown this once."""

    url: str = Field(examples=["/shared/5DqbY0uXk3…"])


def answer_of(turn: Turn) -> AnswerShape | None:
    """The whole answer to a turn, if it has one."""
    for name, data in reversed(turn.said):
        if name == "answer":
            return AnswerShape.model_validate_json(data)
    return None


def written_of(turn: Turn) -> AnswerShape | None:
    """What was written of an answer that was stopped or broke off; None if nothing was."""
    passages: tuple[PassageShape, ...] = ()
    sentences = list[SentenceShape]()
    for name, data in turn.said:
        if name == "reading":
            passages = ReadingData.model_validate_json(data).passages
        elif name == "sentence":
            sentences.append(SentenceData.model_validate_json(data))
    if not sentences:
        return None
    marks = [sentence.support for sentence in sentences]
    return AnswerShape(
        question=looked_for(turn),
        kind="written",
        text="".join(sentence.gap + sentence.text for sentence in sentences).strip(),
        sentences=tuple(sentences),
        counts=CountsShape(
            supported=marks.count("supported"),
            partly=marks.count("partly"),
            unsupported=marks.count("unsupported"),
        ),
        passages=passages,
        milliseconds=0,
        model=None,
        usage=None,
        nothing_found=None,
    )


def looked_for(turn: Turn) -> str:
    """The question that was looked for; empty until that is known."""
    for name, data in turn.said:
        if name == "understood":
            return str(json.loads(data)["question"])
    return turn.standalone


def parts_of(turn: Turn) -> tuple[str, ...]:
    """The parts of the question that were looked for one by one, if it was divided."""
    for name, data in turn.said:
        if name == "divided":
            return tuple(json.loads(data)["questions"])
    return ()
