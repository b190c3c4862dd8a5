"""The events by which an answer arrives, and their shapes."""

from __future__ import annotations

from pydantic import BaseModel

from app.answering.answer_events import (
    Answered,
    AnswerEvent,
    Divided,
    Failed,
    Reading,
    Retrieved,
    SentenceDone,
    Token,
)
from app.web.api.answer import AnswerShape, SentenceShape
from app.web.api.passage import PassageShape, RetrievalShape
from app.web.api.shape import ErrorReply, ErrorShape, Shape
from app.web.event_stream import event


class DividedData(Shape):
    """The question has several parts, and these are looked for, one by one."""

    questions: tuple[str, ...]


class ReadingData(Shape):
    """These passages are read: `[n]` is the n-th of them, counted from 1."""

    passages: tuple[PassageShape, ...]
    tokens: int
    """The estimated length of the prompt; 0 where no model is asked."""
    budget: int = 0
    """What the passages might take of it."""
    left_out: int = 0
    """How many passages found no room."""


class TokenData(Shape):
    """A piece of the sentence that is being written."""

    text: str


class SentenceData(SentenceShape):
    """A sentence is whole, and takes the place of its tokens."""

    index: int
    """Counted from 0."""


class UnderstoodData(Shape):
    """What is looked for: the question, put so that it stands by itself."""

    question: str
    changed: bool
    """Whether these are other words than those that were typed."""


class StoppedData(Shape):
    """The answer was stopped; the sentences sent before stand."""

    stopped: bool


def event_of(question: str, said: AnswerEvent) -> str:
    """The server-sent event by which the answer to `question` says something."""
    return event(*named_event(question, said))


def named_event(question: str, said: AnswerEvent) -> tuple[str, str]:
    """The name and the JSON of that event."""
    name, data = _named(question, said)
    return name, data.model_dump_json()


def _named(question: str, said: AnswerEvent) -> tuple[str, BaseModel]:
    named: tuple[str, BaseModel]
    match said:
        case Divided(parts):
            named = "divided", DividedData(questions=parts)
        case Retrieved(retrieval):
            named = "retrieved", RetrievalShape.of(retrieval)
        case Reading(passages, tokens, budget, left_out):
            shown = tuple(PassageShape.of(passage, question) for passage in passages)
            named = (
                "reading",
                ReadingData(passages=shown, tokens=tokens, budget=budget, left_out=left_out),
            )
        case Token(text):
            named = "token", TokenData(text=text)
        case SentenceDone(index, sentence):
            facts = SentenceShape.of(sentence)
            named = "sentence", SentenceData(index=index, **dict(facts))
        case Answered(answer):
            named = "answer", AnswerShape.of(answer)
        case Failed(error):
            named = "error", ErrorReply(error=ErrorShape.of(error))
    return named
