"""What is told of an answer while it is made, up to the whole of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.answering.answer import Answer, AnswerSentence
from app.errors import TidemarkError
from app.retrieval.passage import Passage, Retrieval


@dataclass(frozen=True)
class Divided:
    """The question has several parts, and these are looked for, one by one."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Retrieved:
    """The passages are found."""

    retrieval: Retrieval


@dataclass(frozen=True)
class Reading:
    """These passages are read, under these numbers: passage `n` is `passages[n - 1]`.

    `tokens` is the estimated length of the prompt, and `budget` what the passages might take of it;
    both are 0 where no model is asked. `left_out` is how many passages found no room.
    """

    passages: tuple[Passage, ...]
    tokens: int = 0
    budget: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Token:
    """A piece of the sentence being written, without citation marks, not yet tied to anything.

    A token runs ahead of the sentences: each `SentenceDone` stands for the first `len(gap + text)`
    characters of the tokens that no sentence has taken the place of yet.
    """

    text: str


@dataclass(frozen=True)
class SentenceDone:
    """A sentence is whole, with what it rests on, and takes the place of its tokens.

    `index` counts from 0.
    """

    index: int
    sentence: AnswerSentence


@dataclass(frozen=True)
class Answered:
    """The last event of an answer that came to its end."""

    answer: Answer


@dataclass(frozen=True)
class Failed:
    """The last event of an answer that broke off; the sentences sent before it stand."""

    error: TidemarkError


AnswerEvent = Divided | Retrieved | Reading | Token | SentenceDone | Answered | Failed


def whole_answer(events: Iterator[AnswerEvent]) -> Answer:
    """Wait for the end of an answer.

    Raises:
        TidemarkError: what made the answer break off.
    """
    for event in events:
        if isinstance(event, Answered):
            return event.answer
        if isinstance(event, Failed):
            raise event.error
    raise RuntimeError("an answer ended without saying so")
