"""Evaluating a knowledge base on its own questions: do the right passages come first?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.documents.model import KnowledgeBase
from app.documents.questions import Question, QuestionStore, RightPassage
from app.errors import InvalidRequest
from app.evaluation.measures import CUTOFF, Measures, measured
from app.evaluation.outcome import Evaluated, Found, Outcome, Way
from app.retrieval.passage import Passage
from app.retrieval.query import Query
from app.retrieval.retriever import Retriever

OWN = "its own questions"
SHORTEST = 20  # characters that two passages must have in common where neither holds the other
_SHOWN = 300

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TeamEvaluator:
    questions: QuestionStore
    retriever: Retriever
    settings: Callable[[KnowledgeBase], dict[str, str]]
    """What searches of the knowledge base go by, in words: kept with each evaluation."""

    def evaluate(
        self, base: KnowledgeBase, ways: Sequence[Way], report: Report
    ) -> tuple[Evaluated, ...]:
        """Ask every question that has a right passage, each way.

        Raises:
            InvalidRequest: the knowledge base has no such question.
        """
        questions = [
            one for one in self.questions.list(base.id) if one.right and not one.unanswerable
        ]
        if not questions:
            raise InvalidRequest(
                f"{base.name} has no questions of its own yet.",
                remedy="Search, and choose “This is the right passage” where one is; "
                "or name the folder of a judged collection.",
            )
        evaluated = []
        for way in ways:
            began = time.perf_counter()
            outcomes = []
            for question in questions:
                outcomes.append(self._outcome(base, question, way))
                report(f"asked, {way}", len(outcomes), len(questions))
            seconds = time.perf_counter() - began
            evaluated.append(Evaluated(OWN, way, self.settings(base), tuple(outcomes), seconds))
        return tuple(evaluated)

    def _outcome(self, base: KnowledgeBase, question: Question, way: Way) -> Outcome:
        query = Query(question.text, mode=way.mode, rerank=way is Way.RERANKED)
        passages = self.retriever.retrieve(base, query, CUTOFF).passages
        measures, right = judged(passages, question.right)
        return Outcome(
            question.text,
            measures,
            tuple(
                Found(each.document_name, each.text[:_SHOWN], each.score, is_right)
                for each, is_right in zip(passages, right, strict=True)
            ),
            tuple(
                f"{wanted.document_name}: {wanted.quote[:_SHOWN]}"
                for wanted in question.right
                if not any(shows(each, wanted) for each in passages)
            ),
        )


def judged(
    passages: Sequence[Passage], right: Sequence[RightPassage]
) -> tuple[Measures, list[bool]]:
    """The measures of a ranking, and which of its passages are right.

    Each right passage counts once: what shows it again, as a neighbour that shares its words, is
    neither a gain nor a loss, and takes no place.
    """
    ranking: list[str] = []
    marks: list[bool] = []
    for place, passage in enumerate(passages):
        shown = [str(n) for n, wanted in enumerate(right) if shows(passage, wanted)]
        marks.append(bool(shown))
        new = [each for each in shown if each not in ranking]
        ranking.extend(new[:1] or ([] if shown else [f"passage {place}"]))
    return measured(ranking, {str(n): 1 for n in range(len(right))}), marks


def shows(passage: Passage, wanted: RightPassage) -> bool:
    """Whether a passage has the words that answer, or enough of them, of the same document.

    Chunks are cut elsewhere under another recipe or in another revision: the one may hold the
    other, or the one's end be the other's beginning.
    """
    if passage.document_id != wanted.document_id:
        return False
    has, quote = " ".join(passage.text.split()), " ".join(wanted.quote.split())
    if quote in has or has in quote:
        return True
    half = max(SHORTEST, len(quote) // 2)
    return _overlap(has, quote) >= half or _overlap(quote, has) >= half


def _overlap(one: str, other: str) -> int:
    """The longest end of `one` that `other` begins with, in characters."""
    for length in range(min(len(one), len(other)), SHORTEST - 1, -1):
        if one.endswith(other[:length]):
            return length
    return 0
