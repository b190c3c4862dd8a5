"""Answers: a question, answered from the documents, whole or as it is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import aclosing, closing
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Body, Request
from fastapi.responses import Response
from pydantic import Field

from app.access.rights import Right
from app.answering.answer import Approach
from app.answering.answer_events import AnswerEvent, whole_answer
from app.answering.conversation import LONGEST_ONLY, MOST_FURTHER
from app.retrieval.query import Query
from app.retrieval.query_syntax import narrowed
from app.web.access import needs
from app.web.ahead import answering_threads, made_ahead
from app.web.api.answer import AnswerShape
from app.web.api.answer_events import event_of
from app.web.api.shape import LARGEST_ID, Shape, errors, reply
from app.web.event_stream import EVENT_STREAM, EventStream
from app.web.wiring import ReadableKnowledgeBase, Wired, further_bases

router = APIRouter(tags=["Answers"])


class QuestionShape(Shape):
    """What is asked, and of which documents."""

    question: str = Field(examples=["When does the tide turn?"])
    """At most 8,000 characters."""
    top_k: int = 8
    """How many passages are read at most: 1 to 200."""
    documents: tuple[Annotated[int, Field(ge=1, le=LARGEST_ID)], ...] = ()
    """Answer only from the documents of these ids."""
    only: str = Field(default="", max_length=LONGEST_ONLY, examples=["type:pdf after:2026-01-31"])
    """Answer only from what meets these conditions, written as in a search."""
    way: Approach = "quick"
    """`thorough` looks for each part of a question by itself."""
    further: tuple[str, ...] = Field(default=(), max_length=MOST_FURTHER, examples=[["contracts"]])
    """Further knowledge bases to answer from, by their names."""


ANSWER: dict[int | str, dict[str, Any]] = {
    **errors(404, 422, 502, 503),
    200: {
        "description": "The answer, or with `Accept: text/event-stream` the events it arrives by.",
        "model": AnswerShape,
        "content": {EVENT_STREAM: {}},
    },
}


@router.post("/knowledge-bases/{name}/answers", response_model=AnswerShape, responses=ANSWER)
@needs(Right.ASK)
async def answer(
    base: ReadableKnowledgeBase,
    asked: Annotated[QuestionShape, Body()],
    services: Wired,
    request: Request,
) -> Response:
    """Answer a question from the documents: each sentence leads to the passage it rests on.

    With `Accept: text/event-stream`, the events are, in this order: `divided` where the
    question is looked for in parts, `retrieved`, `reading`, then `token`s, and a `sentence`
    once one is checked, which takes the place of its tokens while those of the next may
    already come, and in the end `answer`, or `error` where the answer broke off.
    """

    def answered() -> Response:
        further = further_bases(services, base, asked.further)
        services.documents.require([base.id, *(each.id for each in further)], asked.documents)
        answerer = services.answerer(base, asked.top_k, asked.way, further)
        events = answerer.answer(narrowed(Query(asked.question, asked.documents), asked.only))
        if EVENT_STREAM not in request.headers.get("accept", ""):
            return reply(AnswerShape.of(whole_answer(events)))
        first = next(events)  # what fails before anything is said fails like any other request
        return EventStream(_told(asked.question, _again(first, events)))

    return await to_thread.run_sync(answered, limiter=answering_threads())


async def _told(question: str, events: Generator[AnswerEvent, None, None]) -> AsyncIterator[str]:
    """Each event as soon as it is there; who hangs up stops the chat model."""
    async with aclosing(made_ahead(events)) as batches:
        async for batch in batches:
            yield "".join(event_of(question, said) for said in batch)


def _again(
    first: AnswerEvent, others: Generator[AnswerEvent, None, None]
) -> Generator[AnswerEvent, None, None]:
    with closing(others):
        yield first
        yield from others
