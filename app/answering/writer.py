"""Question and passages → sentences written by a chat model, each tied to what it rests on."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from app.answering.answer import (
    AnswerEvent,
    AnswerSentence,
    Ending,
    Reading,
    SentenceDone,
    Token,
    Usage,
)
from app.answering.drafts import Draft, DraftSentence
from app.answering.generator import Generator
from app.answering.prompt import REFUSAL, Prompt, Prompter
from app.answering.verification import Verification, Verifier
from app.retrieval.passage import Passage


@dataclass(frozen=True)
class Written:
    """What a chat model wrote; no sentences when it found that the passages don't answer."""

    sentences: tuple[AnswerSentence, ...]
    prompt: Prompt
    usage: Usage | None
    ending: Ending | None
    refused: bool


@dataclass(frozen=True)
class Writer:
    """Question and passages → a written answer, as it is written."""

    generator: Generator
    verifier: Verifier
    prompter: Prompter = field(default_factory=Prompter)

    def write(
        self, question: str, passages: Sequence[Passage]
    ) -> abc.Generator[AnswerEvent, None, Written]:
        """`Reading`, then `Token`s and `SentenceDone`s; closing it stops the model.

        Raises:
            ProviderError: the chat model's provider refused or broke off, or the embedder's.
        """
        prompt = self.prompter.prompt(question, passages)
        yield Reading(prompt.passages, prompt.tokens, prompt.budget, prompt.left_out)
        sentences: list[AnswerSentence] = []
        usage: Usage | None = None
        ending: Ending | None = None
        draft, verification = Draft(), self.verifier.over(prompt.passages)
        held: str | None = ""  # the beginning, while it may still become a refusal
        with closing(self.generator.stream(prompt.messages)) as stream:
            for piece in stream:
                if isinstance(piece, Usage):
                    usage = piece
                    continue
                if isinstance(piece, Ending):
                    ending = piece
                    continue
                if held is not None:
                    held += piece
                    if _may_refuse(held):
                        continue
                    piece, held = held, None  # noqa: PLW2901
                yield from self._show(draft.read(piece), verification, sentences)
        if held is not None:
            if _bare(held).startswith(REFUSAL):
                return Written((), prompt, usage, ending, refused=True)
            yield from self._show(draft.read(held), verification, sentences)
        yield from self._show(draft.finish(), verification, sentences)
        return Written(tuple(sentences), prompt, usage, ending, refused=False)

    def _show(
        self,
        parts: Iterator[str | DraftSentence],
        verification: Verification,
        sentences: list[AnswerSentence],
    ) -> Iterator[AnswerEvent]:
        for part in parts:
            if isinstance(part, str):
                yield Token(part)
                continue
            sentence = verification.verify(part)
            sentences.append(sentence)
            yield SentenceDone(len(sentences) - 1, sentence)


def _may_refuse(beginning: str) -> bool:
    return REFUSAL.startswith(_bare(beginning)) or _bare(beginning).startswith(REFUSAL)


def _bare(beginning: str) -> str:
    """Without what models put around a word they were told to write."""
    return beginning.strip().lstrip("*`\"'[ ")
