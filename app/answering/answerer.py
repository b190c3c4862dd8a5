"""Question → an answer in events, written by a chat model or made of extracts."""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.answering.answer import Answer, AnswerSentence, Approach, NothingFound
from app.answering.answer_events import (
    Answered,
    AnswerEvent,
    Divided,
    Failed,
    Reading,
    Retrieved,
    SentenceDone,
    Token,
)
from app.answering.disagreement import disagreements
from app.answering.extracts import Extractor, nothing_found
from app.answering.generator import Generator
from app.answering.judging import Judge
from app.answering.parting import Parting, together
from app.answering.prompt import Prompter
from app.answering.verification import Verifier
from app.answering.writer import Writer
from app.embedding import Embedder
from app.errors import TidemarkError
from app.retrieval.passage import Passage, Retrieval
from app.retrieval.query import Query

EXTRACTS_A_PART = 2  # sentences for each part of a question

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
    approach: Approach = "quick"
    """`thorough` asks the chat model once more, at most: for the question's parts."""
    judge: Judge | None = None
    """Who looks at the sentences once they are written, if somebody does."""

    @classmethod
    def of(
        cls,
        retrieve: Callable[[Query], Retrieval],
        generator: Generator | None,
        embedder: Embedder,
        prompter: Prompter | None = None,
        approach: Approach = "quick",
        *,
        judging: bool = False,
    ) -> Answerer:
        """The answerer over an index made by `embedder`, with a judge if `judging`."""
        judge = Judge(generator) if judging and generator is not None else None
        return cls(
            retrieve,
            generator,
            Extractor(embedder),
            Verifier(embedder),
            prompter or Prompter(),
            approach,
            judge,
        )

    def answer(
        self, query: Query, stopping: Callable[[], bool] = lambda: False
    ) -> abc.Generator[AnswerEvent, None, None]:
        """The events of an answer: `Divided` if it is, `Retrieved`, `Answered` or `Failed` last.

        Closing the iterator stops the chat model. So does `stopping`, which is asked after each of
        its words, and the answer ends with the sentences that were whole. Any thread may take the
        next event or close it, one at a time.

        Raises:
            TidemarkError: retrieval failed, before the first event; what fails later is `Failed`.
        """
        began = time.perf_counter()
        parts: tuple[str, ...] = (query.text,)
        if self.approach == "thorough":
            parts = Parting(self.generator).parts(query.text)
        if len(parts) > 1:
            yield Divided(parts)
        retrieval = self._retrieved(query, parts)
        yield Retrieved(retrieval)
        passages = retrieval.passages
        try:
            if self.generator is None or not passages:
                answer = yield from self._extract(query.text, parts, passages)
            else:
                answer = yield from self._write(query.text, passages, self.generator, stopping)
        except TidemarkError as error:
            yield Failed(error)
        else:
            differ = disagreements(answer.passages, answer.citations)
            took = 1000 * (time.perf_counter() - began)
            nothing = answer.nothing_found
            if nothing is not None:
                nothing = replace(nothing, narrowed=_is_narrowed(query))
            yield Answered(
                replace(
                    answer,
                    milliseconds=took,
                    disagreements=differ,
                    nothing_found=nothing,
                    knowledge_bases=retrieval.knowledge_bases,
                    problems=retrieval.problems,
                )
            )

    def _retrieved(self, query: Query, parts: tuple[str, ...]) -> Retrieval:
        if len(parts) == 1:
            return self.retrieve(query)
        return together(query, [self.retrieve(replace(query, text=part)) for part in parts])

    def _extract(
        self, question: str, parts: tuple[str, ...], passages: tuple[Passage, ...]
    ) -> Answering:
        yield Reading(passages)
        found = self._extracts(question, parts, passages)
        if isinstance(found, NothingFound):
            return Answer(question, "nothing found", (), passages, 0, nothing_found=found)
        for index, sentence in enumerate(found):
            yield Token(sentence.gap + sentence.text)
            yield SentenceDone(index, sentence)
        return Answer(question, "extracts", found, passages, 0)

    def _extracts(
        self, question: str, parts: tuple[str, ...], passages: tuple[Passage, ...]
    ) -> tuple[AnswerSentence, ...] | NothingFound:
        """The sentences that answer; those of several parts in the order of the parts."""
        if len(parts) == 1:
            return self.extractor.extract(question, passages)
        each = replace(self.extractor, sentences=EXTRACTS_A_PART)
        found = dict[str, AnswerSentence]()
        for part in parts:
            extracts = each.extract(part, passages)
            if not isinstance(extracts, NothingFound):
                for one in extracts:
                    found.setdefault(one.text, replace(one, gap="\n\n" if found else ""))
        return tuple(found.values()) or nothing_found(question, passages)

    def _write(
        self,
        question: str,
        passages: tuple[Passage, ...],
        generator: Generator,
        stopping: Callable[[], bool],
    ) -> Answering:
        writer = Writer(generator, self.verifier, self.prompter)
        written = yield from writer.write(question, passages, stopping)
        sentences, judgement, usage = written.sentences, None, written.usage
        if self.judge is not None and sentences and not stopping():
            sentences, judgement = self.judge.judged(sentences, stopping)
            if usage is not None and judgement.usage is not None:
                usage += judgement.usage
        return Answer(
            question,
            "nothing found" if written.refused else "written",
            sentences,
            written.prompt.passages,
            0,
            model=written.ending.model if written.ending else generator.model,
            usage=usage,
            nothing_found=nothing_found(question, passages) if written.refused else None,
            prompt=written.prompt,
            cut_off=written.ending is not None and written.ending.cut_off,
            filtered=written.ending is not None and written.ending.filtered,
            judgement=judgement,
        )


def _is_narrowed(query: Query) -> bool:
    return bool(query.document_ids or query.filter or query.phrases or query.without)
