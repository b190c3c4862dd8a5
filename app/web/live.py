"""Answers that are written whoever watches: who comes back is told what was said meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request

from app.answering.answer import Answer
from app.answering.answer_events import Answered, AnswerEvent, Failed, SentenceDone, Token
from app.answering.conversation import State, Turn
from app.answering.standalone import Standalone
from app.answering.turns import TurnStore
from app.documents.model import KnowledgeBase
from app.errors import DatabaseUnavailable, KnowledgeBaseNotFound, TidemarkError
from app.retrieval.query import Query
from app.retrieval.query_syntax import narrowed
from app.services import Services
from app.telemetry import in_this_context
from app.web.api.answer_events import StoppedData, UnderstoodData, named_event
from app.web.api.shape import ErrorReply, ErrorShape
from app.web.event_stream import COMMENT, event

AT_ONCE = 64  # answers that are written; more wait
NOTED_EVERY = 1.0  # seconds between two notes of what was said, for other processes to tell
BEAT_EVERY = 2.0  # seconds between two signs of life, each with a look whether it is to stop
LOOKED_EVERY = 0.5  # seconds between two looks at an answer that another process writes
QUIET = 15.0  # seconds after which a silent connection is kept open

Told = tuple[str, str]
HIDDEN = "This answer comes from a knowledge base that is not there for you."
ENDS = frozenset({"answer", "error", "stopped"})

log = logging.getLogger(__name__)


@dataclass
class _Live:
    """One answer that is being written in this process."""

    turn: Turn
    told: list[Told] = field(default_factory=list)
    ended: bool = False
    stopping: threading.Event = field(default_factory=threading.Event)
    _watchers: set[Callable[[], None]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, name: str, data: str) -> None:
        self.told.append((name, data))
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def watch(self, wake: Callable[[], None]) -> None:
        with self._lock:
            self._watchers.add(wake)

    def leave(self, wake: Callable[[], None]) -> None:
        with self._lock:
            self._watchers.discard(wake)

    def _wake(self) -> None:
        with self._lock:
            watchers = tuple(self._watchers)
        for wake in watchers:
            wake()


class LiveAnswers:
    """The answers that this process writes."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, "answers")
        self._lives: dict[int, _Live] = {}

    def begin(
        self,
        services: Services,
        bases: tuple[KnowledgeBase, ...],
        turn: Turn,
        before: tuple[str, ...],
    ) -> None:
        """Write the answer to `turn` from `bases`, the conversation's own first.

        `before` are the questions it may refer to, oldest first.
        """
        live = _Live(turn)
        self._lives[turn.id] = live
        self._pool.submit(in_this_context(self._write), services, bases, live, before)

    def stop(self, turn_id: int) -> bool:
        """Stop an answer with its next word; whether this process writes it."""
        live = self._lives.get(turn_id)
        if live is not None:
            live.stopping.set()
        return live is not None

    def close(self) -> None:
        """Stop every answer; each is kept as far as it came."""
        for live in tuple(self._lives.values()):
            live.stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def follow(self, services: Services, owner: str, turn: Turn) -> AsyncGenerator[str]:
        """All that was said of the answer to `turn`, and what will be, as server-sent events."""
        live = self._lives.get(turn.id)
        if live is None or turn.hidden:
            async for one in _from_store(services, owner, turn):
                yield one
            return
        loop, moved = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(moved.set)

        live.watch(wake)
        try:
            done = 0
            while True:
                moved.clear()
                ended = live.ended
                waiting = live.told[done:]
                if waiting:
                    yield "".join(event(name, data) for name, data in waiting)
                    done += len(waiting)
                elif ended:
                    return
                else:
                    try:
                        await asyncio.wait_for(moved.wait(), QUIET)
                    except TimeoutError:
                        yield COMMENT
        finally:
            live.leave(wake)

    def _write(
        self,
        services: Services,
        bases: tuple[KnowledgeBase, ...],
        live: _Live,
        before: tuple[str, ...],
    ) -> None:
        state: State = "failed"
        answer: Answer | None = None
        try:
            state, answer, last = _told(services, bases, live, before)
        except TidemarkError as error:
            last = _failed(error)
        except Exception:  # whatever it is, whoever watches must be told that it is over
            log.exception("An answer broke off")
            last = _failed(TidemarkError("The answer broke off.", remedy="Ask again."))
        try:
            # Who is told that it is over finds it stored.
            kept = _lasting([*live.told, last])
            services.turns.finish(live.turn.id, state, kept, answer)
        except TidemarkError as lost:
            log.exception("An answer could not be kept")
            last = _failed(lost)
        except Exception:  # as above
            log.exception("An answer could not be kept")
            last = _failed(TidemarkError("The answer could not be kept.", remedy="Ask again."))
        live.tell(*last)
        live.end()
        self._lives.pop(live.turn.id, None)


async def live_answers(request: Request) -> LiveAnswers:
    live: LiveAnswers = request.app.state.live_answers
    return live


Live = Annotated[LiveAnswers, Depends(live_answers)]


def _told(
    services: Services, bases: tuple[KnowledgeBase, ...], live: _Live, before: tuple[str, ...]
) -> tuple[State, Answer | None, Told]:
    """How the answer ended, the answer if it is whole, and the last event, not told yet."""
    turn, (base, *further) = live.turn, bases
    rewriting = Standalone(services.generator_for(base))
    standalone = turn.standalone or rewriting.rewrite(turn.question, before)
    changed = standalone != turn.question
    live.tell("understood", UnderstoodData(question=standalone, changed=changed).model_dump_json())
    noted, stopping = 0.0, _Stopping(services.turns, live)
    answerer = services.answerer(base, turn.top_k, turn.approach, further)
    asked = narrowed(Query(standalone, turn.document_ids), turn.only)
    with closing(answerer.answer(asked, stopping)) as events:
        for said in events:
            if stopping() and not isinstance(said, Token | SentenceDone):
                return "stopped", None, ("stopped", StoppedData(stopped=True).model_dump_json())
            told = named_event(standalone, said)
            if isinstance(said, Answered):
                return "done", said.answer, told
            if isinstance(said, Failed):
                return "failed", None, told
            live.tell(*told)
            if _lasts(said) and time.monotonic() - noted >= NOTED_EVERY:
                with suppress(DatabaseUnavailable):  # it may be back before the end
                    services.turns.note(turn.id, _lasting(live.told), standalone)
                noted = time.monotonic()
    raise RuntimeError("an answer ended without saying so")


@dataclass
class _Stopping:
    """Whether nobody wants more of an answer: asked all the time, while its model is silent too."""

    turns: TurnStore
    live: _Live
    beaten: float = field(default_factory=time.monotonic)

    def __call__(self) -> bool:
        stopping = self.live.stopping
        if not stopping.is_set() and time.monotonic() - self.beaten >= BEAT_EVERY:
            self.beaten = time.monotonic()
            with suppress(DatabaseUnavailable):  # as above
                if self.turns.beat(self.live.turn.id):
                    stopping.set()
        return stopping.is_set()


def _lasts(said: AnswerEvent) -> bool:
    return not isinstance(said, Token)


def _lasting(told: list[Told]) -> list[Told]:
    """What is kept: sentences rather than their tokens, and the answer rather than its parts."""
    lasting = [one for one in told if one[0] != "token"]
    if lasting and lasting[-1][0] == "answer":
        return [
            one for one in lasting if one[0] in {"understood", "divided", "retrieved", "answer"}
        ]
    return lasting


def _failed(error: TidemarkError) -> Told:
    return "error", ErrorReply(error=ErrorShape.of(error)).model_dump_json()


async def _from_store(services: Services, owner: str, turn: Turn) -> AsyncGenerator[str]:
    """An answer that has ended, or that another process writes."""
    done = 0
    while True:
        for name, data in turn.said[done:]:
            yield event(name, data)
        done = len(turn.said)
        if turn.hidden:
            yield event(*_failed(KnowledgeBaseNotFound(HIDDEN)))
            return
        if turn.state != "writing":
            if not turn.said or turn.said[-1][0] not in ENDS:
                broke_off = TidemarkError(
                    "The answer broke off: the process that wrote it is gone.", remedy="Try again."
                )
                yield event(*_failed(broke_off))
            return
        await asyncio.sleep(LOOKED_EVERY)
        yield COMMENT
        before, turn = turn, await to_thread.run_sync(services.conversations.turn, owner, turn.id)
        if turn.state != "writing" and turn.said[: len(before.said)] != before.said:
            done = 0  # the whole answer has taken the place of its parts
