"""Evaluating retrieval on a judged collection."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from app.documents.model import KnowledgeBase
from app.errors import InvalidRequest
from app.evaluation.collection import Collection
from app.evaluation.corpus import Corpora, Loaded, Report
from app.evaluation.measures import Measures, means, measured
from app.evaluation.naming import id_of, knowledge_base_name
from app.evaluation.run import Ranking, Run, ranked
from app.indexes.embedders import recipe_of
from app.retrieval.passage import Mode, Query, Retrieval
from app.retrieval.retriever import LONGEST_QUERY, MOST_PASSAGES, Retriever

Chunks = Literal["whole", "passages"]
"""What is embedded: each document as one chunk, or its passages as the settings chunk them."""

DEPTH = 100  # documents of each question that a run keeps
QUESTIONS_AT_ONCE = 2


def checked_mode(mode: str) -> Mode:
    """The mode of that name, before anything is started.

    Raises:
        InvalidRequest: there is no such mode.
    """
    try:
        return Mode(mode)
    except ValueError:
        raise InvalidRequest(
            f"There is no mode {mode!r}.", remedy=f"Modes that are there: {', '.join(Mode)}."
        ) from None


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
        self, collection: Collection, mode: Mode, chunks: Chunks, report: Report
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
        rankings = self._rankings(collection, loaded.base, mode, depth, report)
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
        mode: Mode,
        passages: int,
        report: Report,
    ) -> dict[str, Ranking]:
        """Each question's documents by their best passages, in the order of the questions."""

        def ask(text: str) -> Ranking:
            # A model reads far less of a question than is left of one that is too long.
            query = Query(text[:LONGEST_QUERY], mode=mode)
            return by_best_passage(self.retriever.retrieve(base, query, passages))

        rankings: dict[str, Ranking] = {}
        with ThreadPoolExecutor(QUESTIONS_AT_ONCE, "questions") as pool:
            questions = collection.questions
            for question, ranking in zip(questions, pool.map(ask, questions.values()), strict=True):
                rankings[question] = ranking
                report("asked", len(rankings), len(questions))
        return rankings


def by_best_passage(retrieval: Retrieval) -> Ranking:
    """Documents by the score of the best of their passages."""
    scores: dict[str, float] = {}
    for passage in retrieval.passages:
        document = id_of(passage.document_name)
        scores[document] = max(passage.score, scores.get(document, passage.score))
    return ranked(scores, DEPTH)
