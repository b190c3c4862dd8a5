"""Evaluating retrieval on a judged collection."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from app.documents.model import KnowledgeBase
from app.errors import InvalidRequest
from app.evaluation.collection import Collection
from app.evaluation.corpus import Corpora, Loaded, Report
from app.evaluation.measures import CUTOFF, Measures, means, measured
from app.evaluation.naming import id_of, knowledge_base_name
from app.evaluation.outcome import Evaluated, Found, Outcome, Way
from app.evaluation.run import Ranking, Run, ranked
from app.indexes.embedders import recipe_of
from app.retrieval.passage import Retrieval
from app.retrieval.query import LONGEST_QUERY, MOST_PASSAGES, Mode, Query
from app.retrieval.retriever import Retriever

Chunks = Literal["whole", "passages"]
"""What is embedded: each document as one chunk, or its passages as the settings chunk them."""

DEPTH = 100  # documents of each question that a run keeps
QUESTIONS_AT_ONCE = 2


def checked_ways(names: Sequence[str]) -> tuple[Way, ...]:
    """The ways of those names, each once, before anything is started.

    Raises:
        InvalidRequest: there is no such mode.
    """
    for name in names:
        if name not in set(Way):
            raise InvalidRequest(
                f"There is no mode {name!r}.", remedy=f"Modes that are there: {', '.join(Way)}."
            )
    return tuple(dict.fromkeys(Way(name) for name in names))


def checked_mode(name: str) -> Mode:
    """The mode of that name, before anything is started.

    Raises:
        InvalidRequest: there is no such mode.
    """
    if name not in set(Mode):
        raise InvalidRequest(
            f"There is no mode {name!r}.", remedy=f"Modes that are there: {', '.join(Mode)}."
        )
    return Mode(name)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation gave; `measures` are the means of `by_question`."""

    collection: str
    mode: Mode
    chunks: Chunks
    model: str
    loaded: Loaded
    by_question: Mapping[str, Measures]
    measures: Measures
    run: Run
    ingest_seconds: float
    search_seconds: float


@dataclass(frozen=True)
class Evaluator:
    """Runs a collection's questions over its corpus, and measures what they find."""

    corpora: Corpora
    retriever: Retriever
    chunk_tokens: int
    """The most tokens of a chunk when documents are evaluated as passages."""

    def evaluate(
        self,
        collection: Collection,
        mode: Mode,
        chunks: Chunks,
        report: Report,
        *,
        rerank: bool = False,
    ) -> Evaluation:
        """Take the corpus in, ask the questions, and measure.

        Raises:
            InvalidCollection: a line of the corpus is wrong.
        """
        embedder = self.corpora.embedder
        recipe = recipe_of(embedder, self.chunk_tokens if chunks == "passages" else None)
        name = knowledge_base_name(collection.name, "-passages" if chunks == "passages" else "")
        began = time.perf_counter()
        loaded = self.corpora.load(collection, name, recipe, report)
        ready = time.perf_counter()
        depth = MOST_PASSAGES if chunks == "passages" else DEPTH
        rankings = self._rankings(
            collection, loaded.base, Query("", mode=mode, rerank=rerank), depth, report
        )
        done = time.perf_counter()
        by_question = {
            question: measured(
                [document for document, _ in ranking], collection.judgements[question]
            )
            for question, ranking in rankings.items()
        }
        return Evaluation(
            collection=collection.name,
            mode=mode,
            chunks=chunks,
            model=recipe.model,
            loaded=loaded,
            by_question=by_question,
            measures=means(list(by_question.values())),
            run=Run(f"tidemark-{mode}", rankings),
            ingest_seconds=ready - began,
            search_seconds=done - ready,
        )

    def _rankings(
        self,
        collection: Collection,
        base: KnowledgeBase,
        how: Query,
        passages: int,
        report: Report,
    ) -> dict[str, Ranking]:
        """Each question's documents by their best passages, asked as `how`; in their order."""

        def ask(text: str) -> Ranking:
            # A model reads far less of a question than is left of one that is too long.
            query = replace(how, text=text[:LONGEST_QUERY])
            return by_best_passage(self.retriever.retrieve(base, query, passages))

        rankings: dict[str, Ranking] = {}
        with ThreadPoolExecutor(QUESTIONS_AT_ONCE, "questions") as pool:
            questions = collection.questions
            for question, ranking in zip(questions, pool.map(ask, questions.values()), strict=True):
                rankings[question] = ranking
                report("asked", len(rankings), len(questions))
        return rankings


def outcomes(evaluation: Evaluation, collection: Collection, way: Way) -> Evaluated:
    """An evaluation as it is kept: documents by their ids, for a collection names no passages."""
    kept = []
    for question, measures in evaluation.by_question.items():
        judged = collection.judgements[question]
        ranking = evaluation.run.rankings[question]
        first = {document for document, _ in ranking[:CUTOFF]}
        found = tuple(
            Found(document, "", score, judged.get(document, 0) > 0)
            for document, score in ranking[:CUTOFF]
        )
        missed = (d for d, grade in judged.items() if grade > 0 and d not in first)
        kept.append(Outcome(collection.questions[question], measures, found, tuple(missed)))
    settings = {"model": evaluation.model, "chunks": evaluation.chunks}
    return Evaluated(collection.name, way, settings, tuple(kept), evaluation.search_seconds)


def by_best_passage(retrieval: Retrieval) -> Ranking:
    """Documents by the score of the best of their passages."""
    scores: dict[str, float] = {}
    for passage in retrieval.passages:
        document = id_of(passage.document_name)
        scores[document] = max(passage.score, scores.get(document, passage.score))
    return ranked(scores, DEPTH)
