"""`POST /v1/chat/completions`: a knowledge base that answers as a chat model does."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from app.access.rights import Right
from app.web.access import needs
from app.web.event_stream import EventStream
from app.web.v1.access import Allowed
from app.web.v1.body import Body, SentBody
from app.web.v1.charging import charged
from app.web.v1.cited import Annotation, Stretch
from app.web.v1.errors import Refused
from app.web.v1.hanging_up import unless_hung_up
from app.web.v1.messages import asked_in
from app.web.v1.telling import Spent, telling, whole
from app.web.wiring import Wired

router = APIRouter()

Json = dict[str, object]


@dataclass(frozen=True)
class Head:
    """What every part of one completion says of it."""

    id: str
    created: int
    model: str

    @classmethod
    def of(cls, model: str) -> Head:
        return cls(f"chatcmpl-{uuid4().hex}", int(time.time()), model)

    def body(self, kind: str, choices: list[Json], usage: Json | None) -> Json:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "usage": usage,
        }

    def chunk(self, delta: Json, finish: str | None = None) -> str:
        choice: Json = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _line(self.body("chat.completion.chunk", [choice], None))


@router.post("/chat/completions")
@needs(Right.ASK)
async def chat_completions(
    sent: SentBody, services: Wired, _: Allowed, request: Request
) -> Response:
    """An answer to the last user message, from the knowledge base that is the model."""
    model, asked = sent.model(), asked_in(sent.get("messages"))
    streamed, counted = sent.flag("stream"), _include_usage(sent)
    if sent.get("n") not in (None, 1):
        raise Refused("'n' must be 1: a question has one answer here.", param="n")
    head = Head.of(model)
    stretches = charged(request, telling(services, model, asked, str(request.base_url), "messages"))
    if streamed:
        # What fails before the first word fails as any request does: clients try that again.
        first = await unless_hung_up(request, _first(stretches))
        return EventStream(_chunks(head, first, stretches, counted=counted))
    answer = await unless_hung_up(request, whole(stretches))
    message: Json = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
        "annotations": _annotations(answer.annotations),
    }
    choice: Json = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": answer.spent.finish,
    }
    return JSONResponse(head.body("chat.completion", [choice], _usage(answer.spent)))


async def _first(stretches: AsyncGenerator[Stretch | Spent, None]) -> Stretch | Spent:
    return await anext(stretches)


async def _chunks(
    head: Head,
    first: Stretch | Spent,
    rest: AsyncGenerator[Stretch | Spent, None],
    *,
    counted: bool,
) -> AsyncIterator[str]:
    async with aclosing(rest):
        yield head.chunk({"role": "assistant", "content": "", "refusal": None})
        part, spent = first, Spent(0, 0)
        try:
            while True:
                if isinstance(part, Spent):
                    spent = part
                elif part.text:
                    yield head.chunk(_delta(part))
                part = await anext(rest)
        except StopAsyncIteration:
            yield head.chunk({}, spent.finish)
        except Refused as failed:
            yield f"data: {failed.line()}\n\n"
            return
        if counted:
            yield _line(head.body("chat.completion.chunk", [], _usage(spent)))
        yield "data: [DONE]\n\n"


def _delta(stretch: Stretch) -> Json:
    if not stretch.annotations:
        return {"content": stretch.text}
    return {"content": stretch.text, "annotations": _annotations(stretch.annotations)}


def _annotations(annotations: tuple[Annotation, ...]) -> list[Json]:
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": each.start,
                "end_index": each.end,
                "title": each.title,
                "url": each.url,
            },
        }
        for each in annotations
    ]


def _include_usage(sent: Body) -> bool:
    options = sent.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise Refused("'stream_options' must be an object.", param="stream_options")
    return options.get("include_usage") is True


def _usage(spent: Spent) -> Json:
    return {
        "prompt_tokens": spent.prompt,
        "completion_tokens": spent.completion,
        "total_tokens": spent.prompt + spent.completion,
    }


def _line(body: Json) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
