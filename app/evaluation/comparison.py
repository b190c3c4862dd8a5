"""Two indexes of one knowledge base, side by side on the same questions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import numpy as np

from app.documents.model import KnowledgeBase
from app.documents.questions import Question, QuestionStore
from app.errors import IndexConflict, TextRefused
from app.evaluation.known_items import KnownItem, KnownItems
from app.evaluation.measures import CUTOFF, Measures, means, measured
from app.evaluation.paired import PairedTest, paired_test
from app.evaluation.question_writer import QuestionWriter
from app.evaluation.team_questions import judged
from app.indexes.index import Index
from app.retrieval.passage import Passage
from app.retrieval.query import Mode, Query
from app.retrieval.retriever import Retriever

QUESTIONS = 60
"""Asked of both indexes, where the knowledge base has too few of its own."""
TELLING = 10
"""Questions of its own from which on no others are asked."""
SHOWN = 10
"""Questions that got better, and that got worse, which a comparison names."""
_FOUND = "found"

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Side:
    """One index's half of a comparison; latencies are milliseconds of whole searches."""

    index_id: int
    measures: Measures
    median_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Changed:
    """A question whose answer moved: its rank in the active index and in the other, or None."""

    question: str
    document_name: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class Comparison:
    """What an index (`after`) gives against the active one (`before`).

    `ndcg` tests the difference of nDCG@10, after less before; `questions` says where they are from.
    """

    made_at: str
    questions: str
    mode: str
    before: Side
    after: Side
    ndcg: PairedTest
    better: tuple[Changed, ...]
    worse: tuple[Changed, ...]

    def is_worse_by(self, margin: float) -> bool:
        """Whether the interval lets it be worse by more than `margin`."""
        return self.ndcg.low < -margin

    def dump(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def load(cls, dumped: str) -> Comparison:
        said = json.loads(dumped)
        for side in ("before", "after"):
            measures = Measures(**said[side].pop("measures"))
            said[side] = Side(measures=measures, **said[side])
        said["ndcg"] = PairedTest(**said["ndcg"])
        for moved in ("better", "worse"):
            said[moved] = tuple(Changed(**each) for each in said[moved])
        return cls(**said)


Judge = Callable[[Sequence[Passage]], tuple[Measures, int | None]]
"""How good a ranking is, and the rank of its first right passage."""


@dataclass(frozen=True)
class _Item:
    """A question, where it is answered, and how its rankings are judged."""

    question: str
    document_name: str
    judge: Judge


@dataclass(frozen=True)
class Comparer:
    """Compares on the team's own questions, and on some drawn from the documents if they are few.

    Those drawn must find the place that they come from. Where there is a chat model, it puts them
    in words of its own.
    """

    retriever: Retriever
    drawn: KnownItems
    questions: QuestionStore
    writer: QuestionWriter | None = None

    def compare(
        self,
        base: KnowledgeBase,
        before: Index,
        after: Index,
        mode: Mode = Mode.HYBRID,
        report: Report = lambda _done, _of: None,
    ) -> Comparison:
        """Ask both indexes the same questions, each question of both before the next.

        Raises:
            IndexConflict: the knowledge base has no text to draw questions from.
        """
        own = [_of_team(each) for each in self.questions.list(base.id) if _is_judged(each)]
        drawn: tuple[KnownItem, ...] = ()
        if len(own) < TELLING:
            drawn = self.drawn.draw(base, QUESTIONS - len(own))
        put = drawn if self.writer is None else self.writer.written(base, drawn)
        written = sum(one.question != other.question for one, other in zip(put, drawn, strict=True))
        items = own + [_of_documents(each) for each in put]
        if not items:
            raise IndexConflict(
                "There is nothing to compare by: no question can be drawn from the documents.",
                remedy="Add documents with a few sentences of text.",
            )
        asked = [_Asked(item) for item in items]
        retriever = replace(self.retriever)  # which has found nothing before: both are to be timed
        for number, one in enumerate(asked, start=1):
            # The order is turned each time, so that neither always finds the caches warm.
            for index in (before, after) if number % 2 else (after, before):
                query = Query(one.item.question, mode=mode)
                one.note(*_found(retriever, index, query), after=index is after)
            report(number, len(asked))
        moved = sorted(asked, key=lambda one: one.gain)
        return Comparison(
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            questions=_told(len(own), len(drawn), written),
            mode=mode,
            before=_side(before, [one.before for one in asked]),
            after=_side(after, [one.after for one in asked]),
            ndcg=paired_test([one.gain for one in asked]),
            better=tuple(one.changed() for one in reversed(moved) if one.gain > 0)[:SHOWN],
            worse=tuple(one.changed() for one in moved if one.gain < 0)[:SHOWN],
        )


def _found(retriever: Retriever, index: Index, query: Query) -> tuple[Sequence[Passage], float]:
    """The passages, and milliseconds; none for a question that the index's model refuses."""
    began = time.perf_counter()
    try:
        retrieval = retriever.retrieve_from(index, query, CUTOFF)
    except TextRefused:
        return (), 1000 * (time.perf_counter() - began)
    return retrieval.passages, retrieval.milliseconds


@dataclass(frozen=True)
class _Answer:
    """Where one index had the item, how good that is, and how long it took."""

    rank: int | None
    measures: Measures
    milliseconds: float


class _Asked:
    """A question, with what both indexes made of it."""

    before: _Answer
    after: _Answer

    def __init__(self, item: _Item) -> None:
        self.item = item

    def note(self, passages: Sequence[Passage], milliseconds: float, *, after: bool) -> None:
        measures, rank = self.item.judge(passages)
        answer = _Answer(rank, measures, milliseconds)
        if after:
            self.after = answer
        else:
            self.before = answer

    @property
    def gain(self) -> float:
        return self.after.measures.ndcg - self.before.measures.ndcg

    def changed(self) -> Changed:
        item = self.item
        return Changed(item.question, item.document_name, self.before.rank, self.after.rank)


def _of_documents(item: KnownItem) -> _Item:
    def judge(passages: Sequence[Passage]) -> tuple[Measures, int | None]:
        for passage in passages:
            same = passage.document_id == item.document_id
            if same and passage.start < item.end and item.start < passage.end:
                ranking = [*map(str, range(1, passage.rank)), _FOUND]
                return measured(ranking, {_FOUND: 1}), passage.rank
        return measured([], {_FOUND: 1}), None

    return _Item(item.question, item.document_name, judge)


def _of_team(question: Question) -> _Item:
    def judge(passages: Sequence[Passage]) -> tuple[Measures, int | None]:
        measures, marks = judged(passages, question.right)
        return measures, next((n for n, right in enumerate(marks, 1) if right), None)

    return _Item(question.text, question.right[0].document_name, judge)


def _is_judged(question: Question) -> bool:
    return bool(question.right) and not question.unanswerable


def _told(own: int, drawn: int, written: int) -> str:
    """Where the questions are from."""
    told = [f"{own} of the team's own"] if own else []
    if drawn:
        told.append(f"{drawn} drawn from the documents")
    if written:
        told.append(f"{written} of these in the chat model's words")
    return ", and ".join(told)


def _side(index: Index, answers: Sequence[_Answer]) -> Side:
    median, p95 = np.percentile([one.milliseconds for one in answers], [50, 95])
    return Side(index.id, means([one.measures for one in answers]), float(median), float(p95))
