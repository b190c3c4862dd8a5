"""What an evaluation keeps: of each question what was found, and how good that was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.evaluation.measures import Measures, means
from app.retrieval.query import Mode


class Way(StrEnum):
    """A way to search that is measured."""

    VECTOR = "vector"
    KEYWORD = "keyword"
    HYBRID = "hybrid"
    RERANKED = "reranked"

    @property
    def mode(self) -> Mode:
        return Mode.HYBRID if self is Way.RERANKED else Mode(self.value)


@dataclass(frozen=True)
class Found:
    """Something that a question found: its document, how it begins, and whether it is right."""

    document: str
    text: str
    score: float
    right: bool


@dataclass(frozen=True)
class Outcome:
    """One question's: `found` are the first ten, best first; `missed` what should be there."""

    question: str
    measures: Measures
    found: tuple[Found, ...]
    missed: tuple[str, ...]


@dataclass(frozen=True)
class Evaluated:
    """One way, on all questions; `settings` say what it was measured with."""

    questions_of: str
    way: Way
    settings: dict[str, str]
    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def measures(self) -> Measures:
        return means([outcome.measures for outcome in self.outcomes])


@dataclass(frozen=True)
class Kept:
    """An evaluation as it is kept; its questions are read by its id."""

    id: int
    questions_of: str
    way: Way
    settings: dict[str, str]
    questions: int
    measures: Measures
    seconds: float
    created_at: datetime


@dataclass(frozen=True)
class Comparison:
    """Whether one way is better than another, question by question.

    `difference` is the mean of `better`'s nDCG@10 less `than`'s. `p` is how often a difference so
    large would come by chance if both were equally good.
    """

    better: Way
    than: Way
    difference: float
    p: float

    @property
    def significant(self) -> bool:
        return self.p < SIGNIFICANT


SIGNIFICANT = 0.05


def worst_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda o: (o.measures.ndcg, o.measures.recall, o.question))
