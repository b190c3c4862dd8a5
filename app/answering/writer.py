"""Question and passages → sentences written by a chat model, each tied to what it rests on."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from app.answering.answer import AnswerSentence, Ending, Usage
from app.answering.answer_events import AnswerEvent, Reading, SentenceDone, Token
from app.answering.checking import Checks
from app.answering.drafts import Draft, DraftSentence
from app.answering.generator import Generator
from app.answering.prompt import REFUSAL, Prompt, Prompter
from app.answering.reading import Reading as Pieces
from app.answering.verification import Verifier
from app.errors import ProviderError
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
        self,
        question: str,
        passages: Sequence[Passage],
        stopping: Callable[[], bool] = lambda: False,
    ) -> abc.Generator[AnswerEvent, None, Written]:
        """`Reading`, then `Token`s and `SentenceDone`s; closing it stops the model.

        Sentences are verified beside the writing: each is done soon after its last token, while
        those of the next come. Once `stopping` says so, the model is stopped, and the sentences
        that were whole by then are told. What was written before the model broke off is told too.

        Raises:
            ProviderError: the chat model's provider refused or broke off, or the embedder's.
        """
        prompt = self.prompter.prompt(question, passages)
        yield Reading(prompt.passages, prompt.tokens, prompt.budget, prompt.left_out)
        reading = Pieces(self.generator)
        telling = _Telling(Checks(self.verifier.over(prompt.passages), reading.wake))
        usage: Usage | None = None
        ending: Ending | None = None
        held: str | None = ""  # the beginning, while it may still become a refusal
        with closing(telling), closing(reading):
            try:
                for piece in reading.pieces(prompt.messages, stopping):
                    if piece is None:
                        yield from telling.ready()
                    elif isinstance(piece, Usage):
                        usage = piece
                    elif isinstance(piece, Ending):
                        ending = piece
                    elif held is None:
                        yield from telling.read(piece)
                    else:
                        held += piece
                        if not _may_refuse(held):
                            yield from telling.read(held)
                            held = None
            except ProviderError:
                yield from telling.rest()
                raise
            if held is not None and _bare(held).startswith(REFUSAL):
                return Written((), prompt, usage, ending, refused=True)
            if not stopping():
                yield from telling.finish(held or "")
            yield from telling.rest()
        return Written(tuple(telling.sentences), prompt, usage, ending, refused=False)


@dataclass
class _Telling:
    """Pieces of a model's text → tokens at once, and sentences as they are verified."""

    checks: Checks
    sentences: list[AnswerSentence] = field(default_factory=list)
    _draft: Draft = field(default_factory=Draft)

    def read(self, piece: str) -> Iterator[AnswerEvent]:
        yield from self._tell(self._draft.read(piece))

    def ready(self) -> Iterator[AnswerEvent]:
        yield from map(self._done, self.checks.ready())

    def finish(self, held: str) -> Iterator[AnswerEvent]:
        """What the text ends with; `held` is what was not read yet."""
        yield from self._tell(self._draft.read(held))
        yield from self._tell(self._draft.finish())

    def rest(self) -> Iterator[AnswerEvent]:
        yield from map(self._done, self.checks.rest())

    def close(self) -> None:
        self.checks.close()

    def _tell(self, parts: Iterator[str | DraftSentence]) -> Iterator[AnswerEvent]:
        for part in parts:
            if isinstance(part, str):
                yield Token(part)
            else:
                self.checks.add(part)

    def _done(self, sentence: AnswerSentence) -> SentenceDone:
        self.sentences.append(sentence)
        return SentenceDone(len(self.sentences) - 1, sentence)


def _may_refuse(beginning: str) -> bool:
    return REFUSAL.startswith(_bare(beginning)) or _bare(beginning).startswith(REFUSAL)


def _bare(beginning: str) -> str:
    """Without what models put around a word they were told to write."""
    return beginning.strip().lstrip("*`\"'[ ")
