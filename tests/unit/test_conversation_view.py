"""A conversation as its owner and as others see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from app.answering.conversation import Conversation, Turn
from app.web.api.answer import AnswerShape, CountsShape, PromptShape
from app.web.pages.conversation_view import IN_PART, conversation_view

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PRIVATE = "http://10.1.2.3/v1"
CONVERSATION = Conversation(1, "handbook", "Tides", shared=True, created_at=NOW, updated_at=NOW)
ANSWER = AnswerShape(
    question="When?",
    kind="written",
    text="At noon.",
    sentences=(),
    counts=CountsShape(supported=0, partly=0, unsupported=0),
    passages=(),
    milliseconds=1,
    model="openai/tide-mini",
    usage=None,
    nothing_found=None,
    problems=(f"contracts: searched by words alone. {PRIVATE} does not answer.",),
    judgement=f"openai/judge gave no opinion: {PRIVATE} does not answer.",
    prompt=PromptShape(messages=(), tokens=1, budget=1, left_out=0),
)
TURN = Turn(
    id=1,
    conversation_id=1,
    parent_id=None,
    question="When?",
    standalone="When?",
    top_k=8,
    document_ids=(),
    approach="quick",
    state="done",
    said=(("answer", ANSWER.model_dump_json()),),
    counts={"supported": 0, "partly": 0, "unsupported": 0},
    created_at=NOW,
)


def test_whoever_was_sent_a_link_reads_no_providers_words_and_no_prompt() -> None:
    (turn,) = conversation_view(CONVERSATION, (TURN,), None).turns
    assert turn.answer is not None
    assert turn.answer.problems == (IN_PART,)
    assert turn.answer.prompt is None
    assert PRIVATE not in str(turn)


def test_they_read_that_an_answer_broke_off_and_not_why() -> None:
    error = f'{{"error": {{"message": "{PRIVATE} does not answer.", "remedy": null}}}}'
    failed = replace(TURN, state="failed", said=(("error", error),))
    (turn,) = conversation_view(CONVERSATION, (failed,), None).turns
    assert "broke off" in turn.trouble
    assert PRIVATE not in str(turn)
