"""Question → an answer in events, written by a chat model or made of extracts."""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.answering.answer import (
    Answer,
    Answered,
    AnswerEvent,
    Failed,
    NothingFound,
    Reading,
    Retrieved,
    SentenceDone,
    Token,
)
from app.answering.disagreement import disagreements
from app.answering.extracts import Extractor, nothing_found
from app.answering.generator import Generator
from app.answering.prompt import Prompter
from app.answering.verification import Verifier
from app.answering.writer import Writer
from app.embedding import Embedder
from app.errors import TidemarkError
from app.retrieval.passage import Passage, Query, Retrieval

Answering = abc.Generator[AnswerEvent, None, Answer]


@dataclass(frozen=True)
class Answerer:
    """Question → an answer in which each sentence leads to what it rests on, or says it doesn't."""

    retrieve: Callable[[Query], Retrieval]
    generator: Generator | None
    """The chat model; without one, answers are extracts."""
    extractor: Extractor
    verifier: Verifier
    prompter: Prompter = field(default_factory=Prompter)

    @classmethod
    def of(
        cls,
        retrieve: Callable[[Query], Retrieval],
        generator: Generator | None,
        embedder: Embedder,
        prompter: Prompter | None = None,
    ) -> Answerer:
        """The answerer over an index made by `embedder`."""
        extractor, verifier = Extractor(embedder), Verifier(embedder)
        return cls(retrieve, generator, extractor, verifier, prompter or Prompter())

    def answer(self, query: Query) -> abc.Generator[AnswerEvent, None, None]:
        """The events of an answer: `Retrieved` first, `Answered` or `Failed` last.

        Closing the iterator stops the chat model. Any thread may take the next event or close it,
        one at a time.

        Raises:
            TidemarkError: retrieval failed, before the first event; what fails later is `Failed`.
        """
        began = time.perf_counter()
        retrieval = self.retrieve(query)
        yield Retrieved(retrieval)
        passages = retrieval.passages
        try:
            if self.generator is None or not passages:
                answer = yield from self._extract(query.text, passages)
            else:
                answer = yield from self._write(query.text, passages, self.generator)
        except TidemarkError as error:
            yield Failed(error)
        else:
            differ = disagreements(answer.passages, answer.citations)
            took = 1000 * (time.perf_counter() - began)
            yield Answered(replace(answer, milliseconds=took, disagreements=differ))

    def _extract(self, question: str, passages: tuple[Passage, ...]) -> Answering:
        yield Reading(passages)
        found = self.extractor.extract(question, passages)
        if isinstance(found, NothingFound):
            return Answer(question, "nothing found", (), passages, 0, nothing_found=found)
        for index, sentence in enumerate(found):
            yield Token(sentence.gap + sentence.text)
            yield SentenceDone(index, sentence)
        return Answer(question, "extracts", found, passages, 0)

    def _write(
        self, question: str, passages: tuple[Passage, ...], generator: Generator
    ) -> Answering:
        writer = Writer(generator, self.verifier, self.prompter)
        written = yield from writer.write(question, passages)
        return Answer(
            question,
            "nothing found" if written.refused else "written",
            written.sentences,
            written.prompt.passages,
            0,
            model=written.ending.model if written.ending else generator.model,
            usage=written.usage,
            nothing_found=nothing_found(question, passages) if written.refused else None,
            prompt=written.prompt,
            cut_off=written.ending is not None and written.ending.cut_off,
        )
