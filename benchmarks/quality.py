"""nDCG@10 of each way to search, whole documents, on the judged collections that are there."""

from __future__ import annotations

from pathlib import Path

from app.evaluation.collection import read_collection
from app.opening import open_services
from app.retrieval.query import Mode
from benchmarks.measurement import Measurement
from benchmarks.tidemark import own_settings

TARGETS = {
    ("scifact", Mode.VECTOR): 0.64,
    ("anthropic-docs", Mode.HYBRID): 0.797,
    ("codebase", Mode.HYBRID): 0.690,
    ("xquad-en", Mode.HYBRID): 0.976,
    ("xquad-de", Mode.HYBRID): 0.942,
    ("xquad-zh", Mode.HYBRID): 0.955,
    ("scifact", Mode.HYBRID): 0.728,
}


def measure(collections: Path) -> list[Measurement]:
    measured: list[Measurement] = []
    with own_settings() as settings, open_services(settings, print) as services:
        for folder in sorted(path.parent for path in collections.glob("*/qrels.tsv")):
            collection = read_collection(folder)
            for mode in Mode:
                evaluation = services.evaluator().evaluate(collection, mode, "whole", _silent)
                measures = evaluation.measures
                measured.append(
                    Measurement(
                        f"{folder.name}, {mode}",
                        measures.ndcg,
                        "nDCG@10",
                        TARGETS.get((folder.name, mode)),
                        f"recall@10 {measures.recall:.3f}, MRR@10 {measures.reciprocal_rank:.3f}",
                    )
                )
    return measured


def _silent(_doing: str, _done: int, _total: int) -> None:
    """No progress: the table says it all."""
