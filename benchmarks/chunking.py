"""Chunking and search together: how much of what answers a question its five best passages hold.

The texts, questions and marked spans of Chroma's chunking evaluation, and its measures: *recall* is
the share of a question's marked characters that the passages hold, *precision* the share of the
passages' characters that are marked, *IoU* the characters that are both, by those that are either.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import mean

from app.opening import open_services
from app.retrieval.passage import Passage
from app.retrieval.query import Query
from benchmarks.measurement import Measurement
from benchmarks.tidemark import own_settings

TOKENS = 160
"""The size of chunks at which the targets are to be reached."""
TOP_K = 5
RECALL = 0.85
PRECISION = 0.075


@dataclass(frozen=True)
class Question:
    """`marked` are the characters of the text `name` that answer it."""

    text: str
    name: str
    marked: frozenset[int]


@dataclass(frozen=True)
class Held:
    """What passages hold of a question's answer, each from 0 to 1."""

    name: str
    recall: float
    precision: float
    iou: float

    @classmethod
    def of(cls, question: Question, passages: Sequence[Passage]) -> Held:
        read = [range(p.start, p.end) for p in passages]
        own = [r for p, r in zip(passages, read, strict=True) if p.document_name == question.name]
        found = len(question.marked.intersection(chain.from_iterable(own)))
        characters = sum(len(each) for each in read)
        either = characters + len(question.marked) - found
        return cls(
            question.name,
            found / len(question.marked),
            found / characters if characters else 0.0,
            found / either,
        )


def measure(collections: Path) -> Iterator[Measurement]:
    folder = collections / "chunking"
    questions = list(_questions(folder / "questions_df.csv"))
    with own_settings() as settings:
        default = settings.chunk_tokens
    for tokens in (TOKENS, default):
        held = _asked(folder, questions, tokens)
        target = tokens == TOKENS
        said = f"{tokens} tokens, {len(held)} questions, hybrid, top {TOP_K}; by text: "
        for name, bound in (("recall", RECALL), ("precision", PRECISION), ("iou", None)):
            by_text = ", ".join(
                f"{text} {mean(getattr(h, name) for h in held if h.name == text):.3f}"
                for text in sorted({h.name for h in held})
            )
            yield Measurement(
                f"{name} of marked spans, {tokens} tokens",
                mean(getattr(each, name) for each in held),
                "",
                bound if target else None,
                said + by_text,
            )


def _questions(path: Path) -> Iterator[Question]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            spans = [range(s["start_index"], s["end_index"]) for s in json.loads(row["references"])]
            marked = frozenset(chain.from_iterable(spans))
            yield Question(row["question"], f"{row['corpus_id']}.md", marked)


def _asked(folder: Path, questions: Sequence[Question], tokens: int) -> list[Held]:
    """What the best passages hold, of chunks of that size, each question asked of all the texts."""
    with own_settings() as settings:
        smaller = settings.model_copy(update={"chunk_tokens": tokens})
        with open_services(smaller, print) as services:
            base = services.first_knowledge_base()
            for path in sorted(folder.glob("*.md")):
                services.uploads.receive(base, path.name, [path.read_bytes()])
            services.worker().drain()
            return [
                Held.of(q, services.retriever.retrieve(base, Query(q.text), TOP_K).passages)
                for q in questions
            ]
