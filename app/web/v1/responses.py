"""`POST /v1/responses` in its plain text form: one question, one message of text."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from app.access.rights import Right
from app.web.access import needs
from app.web.event_stream import EventStream, event
from app.web.v1.access import Allowed
from app.web.v1.body import SentBody
from app.web.v1.charging import charged
from app.web.v1.cited import Annotation, Stretch
from app.web.v1.errors import Refused
from app.web.v1.hanging_up import unless_hung_up
from app.web.v1.messages import asked_in
from app.web.v1.telling import Spent, Told, telling, whole
from app.web.wiring import Wired

router = APIRouter()

Json = dict[str, object]

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why an answer broke off, in this endpoint's words, by those of chat completions."""


@dataclass
class Reply:
    """One response, whose events are numbered as they are told."""

    model: str
    id: str = field(default_factory=lambda: f"resp_{uuid4().hex}")
    item_id: str = field(default_factory=lambda: f"msg_{uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    told: int = 0

    def body(self, told: Told | None = None) -> Json:
        """The response as far as it is: without `told`, it has only begun."""
        reason = None if told is None else _INCOMPLETE.get(told.spent.finish)
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": "in_progress" if told is None else _status(told),
            "error": None,
            "incomplete_details": {"reason": reason} if reason else None,
            "instructions": None,
            "metadata": {},
            "model": self.model,
            "output": [] if told is None else [self.item(told)],
            "parallel_tool_calls": False,
            "temperature": None,
            "tool_choice": "none",
            "tools": [],
            "top_p": None,
            "usage": None if told is None else _usage(told.spent),
        }

    def item(self, told: Told | None = None) -> Json:
        return {
            "id": self.item_id,
            "type": "message",
            "status": "in_progress" if told is None else _status(told),
            "role": "assistant",
            "content": [] if told is None else [_text(told)],
        }

    def event(self, name: str, **data: object) -> str:
        body = {"type": name, "sequence_number": self.told, **data}
        self.told += 1
        return event(name, json.dumps(body, ensure_ascii=False))

    def part(self, name: str, **data: object) -> str:
        """An event about the one text in the one message."""
        place = {"item_id": self.item_id, "output_index": 0, "content_index": 0}
        return self.event(f"response.{name}", **place, **data)


@router.post("/responses")
@needs(Right.ASK)
async def responses(sent: SentBody, services: Wired, _: Allowed, request: Request) -> Response:
    """An answer to `input`, or to the last user message in it; nothing is stored."""
    model, given = sent.model(), sent.get("input")
    conversation = [{"role": "user", "content": given}] if isinstance(given, str) else given
    asked, streamed = asked_in(conversation, "input"), sent.flag("stream")
    if sent.get("previous_response_id") is not None:
        raise Refused(
            "No response is stored here: send the conversation as 'input'.",
            param="previous_response_id",
        )
    stretches = charged(request, telling(services, model, asked, str(request.base_url), "input"))
    reply = Reply(model)
    if streamed:
        first = await unless_hung_up(request, _first(stretches))
        return EventStream(_events(reply, first, stretches))
    told = await unless_hung_up(request, whole(stretches))
    return JSONResponse(reply.body(told))


async def _first(stretches: AsyncGenerator[Stretch | Spent, None]) -> Stretch | Spent:
    return await anext(stretches)


async def _events(
    reply: Reply, first: Stretch | Spent, rest: AsyncGenerator[Stretch | Spent, None]
) -> AsyncIterator[str]:
    async with aclosing(rest):
        for begun in ("response.created", "response.in_progress"):
            yield reply.event(begun, response=reply.body())
        yield reply.event("response.output_item.added", output_index=0, item=reply.item())
        yield reply.part("content_part.added", part=_text(Told("", (), Spent(0, 0))))
        text, annotations, spent, part = "", list[Annotation](), Spent(0, 0), first
        try:
            while True:
                if isinstance(part, Spent):
                    spent = part
                else:
                    for line in _deltas(reply, part, len(annotations)):
                        yield line
                    text += part.text
                    annotations += part.annotations
                part = await anext(rest)
        except StopAsyncIteration:
            for line in _ends(reply, Told(text, tuple(annotations), spent)):
                yield line
        except Refused as failed:
            yield f"data: {failed.line()}\n\n"


def _deltas(reply: Reply, stretch: Stretch, before: int) -> Iterator[str]:
    if stretch.text:
        yield reply.part("output_text.delta", delta=stretch.text, logprobs=[])
    for index, each in enumerate(stretch.annotations, before):
        yield reply.part(
            "output_text.annotation.added", annotation_index=index, annotation=_annotation(each)
        )


def _ends(reply: Reply, told: Told) -> Iterator[str]:
    yield reply.part("output_text.done", text=told.text, logprobs=[])
    yield reply.part("content_part.done", part=_text(told))
    yield reply.event("response.output_item.done", output_index=0, item=reply.item(told))
    yield reply.event(f"response.{_status(told)}", response=reply.body(told))


def _status(told: Told) -> str:
    return "incomplete" if told.spent.finish in _INCOMPLETE else "completed"


def _text(told: Told) -> Json:
    annotations = [_annotation(each) for each in told.annotations]
    return {"type": "output_text", "text": told.text, "annotations": annotations, "logprobs": []}


def _annotation(each: Annotation) -> Json:
    return {
        "type": "url_citation",
        "start_index": each.start,
        "end_index": each.end,
        "title": each.title,
        "url": each.url,
    }


def _usage(spent: Spent) -> Json:
    return {
        "input_tokens": spent.prompt,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": spent.completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": spent.prompt + spent.completion,
    }
