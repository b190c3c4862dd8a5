"""An answer's events as stretches of plain text, for endpoints that reply whole or in a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal

from anyio import to_thread

from app.answering.answer import Answer
from app.answering.answer_events import Answered, AnswerEvent, Failed, SentenceDone, Token
from app.answering.standalone import Standalone
from app.embedding.embedder import TokenCounter
from app.errors import TidemarkError
from app.retrieval.query import Query
from app.services import Services
from app.web.ahead import answering_threads, made_ahead
from app.web.v1.catalogue import knowledge_base_named
from app.web.v1.cited import Annotation, CitedText, Stretch
from app.web.v1.errors import refused
from app.web.v1.messages import Asked

PASSAGES = 8
"""How many passages an answer is made from, as our own API has it."""


@dataclass(frozen=True)
class Spent:
    """The tokens of an answer, and why the chat model ended it, as OpenAI says that."""

    prompt: int
    completion: int
    finish: Literal["stop", "length", "content_filter"] = "stop"


@dataclass(frozen=True)
class Told:
    """A whole answer as plain text."""

    text: str
    annotations: tuple[Annotation, ...]
    spent: Spent


async def telling(
    services: Services, model: str, asked: Asked, base_url: str, param: str
) -> AsyncGenerator[Stretch | Spent, None]:
    """Nothing as soon as it is begun; each sentence once it is cited; the sources; what was spent.

    A question that points back is asked with what it owes to those before it. Closing it stops the
    chat model. `param` is the request's field that has the question.

    Raises:
        Refused: no such model, a question that cannot be asked, or an answer that broke off.
    """
    try:
        events = await to_thread.run_sync(
            _events, services, model, asked, limiter=answering_threads()
        )
        # Whoever hangs up stops the chat model.
        async with aclosing(made_ahead(events)) as batches:
            text = CitedText(base_url)
            async for stretch in _stretches(services, asked.question, batches, text):
                yield stretch
    except TidemarkError as error:
        raise refused(error, param) from error


async def whole(stretches: AsyncIterator[Stretch | Spent]) -> Told:
    """The end of an answer, waited for.

    Raises:
        Refused: as `telling`.
    """
    text, annotations, spent = "", list[Annotation](), Spent(0, 0)
    async for part in stretches:
        if isinstance(part, Spent):
            spent = part
        else:
            text += part.text
            annotations.extend(part.annotations)
    return Told(text, tuple(annotations), spent)


def _events(services: Services, model: str, asked: Asked) -> Generator[AnswerEvent, None, None]:
    base = knowledge_base_named(model, services)
    rewriting = Standalone(services.generator_for(base))
    question = rewriting.rewrite(asked.question, asked.before)
    return services.answerer(base, PASSAGES).answer(Query(question))


async def _stretches(
    services: Services, question: str, batches: AsyncIterator[list[AnswerEvent]], text: CitedText
) -> AsyncIterator[Stretch | Spent]:
    written, begun = "", False
    async for event in (event async for batch in batches for event in batch):
        if isinstance(event, Token) and not begun:
            begun = True  # with nothing whole to say yet, but what fails now fails in mid-stream
            yield Stretch("")
        elif isinstance(event, SentenceDone):
            stretch = text.sentence(event.sentence)
            written += stretch.text
            yield stretch
        elif isinstance(event, Answered):
            end = text.end(event.answer)
            written += end.text
            yield end
            yield _spent(event.answer, question, written, services.embedder.tokens)
        elif isinstance(event, Failed):
            raise event.error


def _spent(answer: Answer, question: str, written: str, tokens: TokenCounter) -> Spent:
    """As the chat model's provider counted; for extracts, as the embedding model does."""
    if answer.usage is not None:
        spent = Spent(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    else:
        spent = Spent(tokens.count(question), tokens.count(written))
    if answer.filtered:
        return replace(spent, finish="content_filter")
    return replace(spent, finish="length") if answer.cut_off else spent
