"""`evaluate`: how well a judged collection's questions find what answers them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import bars, results, say, shown, shown_name, write_json
from app.cli.exits import ExitCode
from app.cli.opening import open_everything
from app.errors import InvalidRequest

if TYPE_CHECKING:
    from app.evaluation.corpus import Report
    from app.evaluation.evaluator import Evaluation

FAILURES_SHOWN = 5


class ChunksOption(StrEnum):
    WHOLE = "whole"
    PASSAGES = "passages"


def add_commands(program: typer.Typer) -> None:
    program.command()(evaluate)


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The collection's folder.")],
    *,
    mode: Annotated[
        str, typer.Option(help="How to retrieve: vector, keyword or hybrid.")
    ] = "vector",
    chunks: Annotated[
        ChunksOption, typer.Option(help="Embed each document as one chunk, or its passages.")
    ] = ChunksOption.WHOLE,
    run_file: Annotated[
        Path | None,
        typer.Option(help="Write what was retrieved to this file, as trec_eval reads it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the measures as JSON.")] = False,
) -> None:
    """Measure retrieval on a judged collection in the BEIR layout.

    FOLDER has corpus.jsonl(.gz), queries.jsonl(.gz) and qrels.tsv (or qrels/test.tsv). The corpus
    is taken into a knowledge base of its own, evaluate-FOLDER, which is brought to hold this corpus
    and nothing else; what it holds already is not ingested again. Prints nDCG, recall and mean
    reciprocal rank over the first ten documents of each judged question; a document counts as its
    best passage.
    """
    from app.evaluation.collection import read_collection
    from app.evaluation.evaluator import checked_mode

    how = checked_mode(mode)
    if run_file is not None and not run_file.absolute().parent.is_dir():
        raise InvalidRequest(
            f"There is no folder {str(run_file.absolute().parent)!r} to write the run file to.",
            remedy="Make it, or name another place with --run-file.",
        )
    collection = read_collection(folder)
    with open_everything() as services, _bars() as report:
        evaluation = services.evaluator().evaluate(collection, how, chunks.value, report)
    if run_file is not None:
        _write(evaluation, run_file)
    for name, reason in list(evaluation.loaded.failed.items())[:FAILURES_SHOWN]:
        say(f"{shown_name(name)} could not be ingested: {shown(reason)}")
    if as_json:
        write_json(_as_data(evaluation))
    else:
        _show(evaluation)
    if evaluation.loaded.failed:
        say(f"{len(evaluation.loaded.failed):,} documents are missing: the measures are too low.")
        raise typer.Exit(ExitCode.FAILED)


@contextmanager
def _bars() -> Iterator[Report]:
    """A bar for each thing that is done."""
    with bars() as progress:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what.capitalize(), total=total)
            progress.update(tasks[what], completed=done)

        yield report


def _write(evaluation: Evaluation, path: Path) -> None:
    try:
        evaluation.run.write(path)
    except OSError as refused:
        raise InvalidRequest(
            f"{str(path)!r} cannot be written: {refused.strerror or refused}.",
            remedy="Name another place with --run-file.",
        ) from refused


def _measures(evaluation: Evaluation) -> dict[str, float]:
    measures = evaluation.measures
    return {
        "ndcg@10": measures.ndcg,
        "recall@10": measures.recall,
        "mrr@10": measures.reciprocal_rank,
    }


def _show(evaluation: Evaluation) -> None:
    loaded = evaluation.loaded
    say(
        f"{evaluation.collection}: {len(evaluation.by_question):,} questions, "
        f"{loaded.documents:,} documents ({loaded.ingested:,} ingested now), {evaluation.chunks}, "
        f"{evaluation.mode}; {evaluation.ingest_seconds:.1f} s to ingest, "
        f"{evaluation.search_seconds:.1f} s to ask."
    )
    for name, value in _measures(evaluation).items():
        results().print(f"{name:<10} {value:.4f}")


def _as_data(evaluation: Evaluation) -> dict[str, object]:
    loaded = evaluation.loaded
    return {
        **_measures(evaluation),
        "collection": evaluation.collection,
        "knowledge_base": loaded.base.name,
        "mode": evaluation.mode,
        "chunks": evaluation.chunks,
        "model": evaluation.model,
        "questions": len(evaluation.by_question),
        "documents": loaded.documents,
        "ingested": loaded.ingested,
        "failed": loaded.failed,
        "ingest_seconds": round(evaluation.ingest_seconds, 3),
        "search_seconds": round(evaluation.search_seconds, 3),
    }
