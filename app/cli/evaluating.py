"""`evaluate`: how well judged questions find what answers them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import bars, results, say, shown, shown_name, write_json
from app.cli.exits import ExitCode
from app.cli.knowledge_base import KnowledgeBaseName, find_knowledge_base
from app.cli.opening import open_everything
from app.errors import InvalidRequest

if TYPE_CHECKING:
    from app.evaluation.collection import Collection
    from app.evaluation.corpus import Report
    from app.evaluation.evaluator import Evaluation
    from app.evaluation.outcome import Evaluated, Way
    from app.services import Services

FAILURES_SHOWN = 5


class ChunksOption(StrEnum):
    WHOLE = "whole"
    PASSAGES = "passages"


def add_commands(program: typer.Typer) -> None:
    program.command()(evaluate)


def evaluate(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="A judged collection's folder.")
    ] = None,
    *,
    mode: Annotated[
        list[str] | None,
        typer.Option(help="vector, keyword, hybrid or reranked; may be repeated, to compare."),
    ] = None,
    chunks: Annotated[
        ChunksOption, typer.Option(help="Embed each document as one chunk, or its passages.")
    ] = ChunksOption.WHOLE,
    run_file: Annotated[
        Path | None,
        typer.Option(help="Write what was retrieved to this file, as trec_eval reads it."),
    ] = None,
    answers: Annotated[
        list[str] | None,
        typer.Option(
            help="Measure the answers to its own questions, quick or thorough; may be repeated, to "
            "compare. Asks the chat model, if one is set.",
        ),
    ] = None,
    knowledge_base: KnowledgeBaseName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the measures as JSON.")] = False,
) -> None:
    """Measure retrieval on judged questions, and keep what was measured.

    Without FOLDER: on the knowledge base's own questions, those saved from searches, every way
    there is, side by side.

    With FOLDER: on a judged collection in the BEIR layout. It has corpus.jsonl(.gz),
    queries.jsonl(.gz) and qrels.tsv (or qrels/test.tsv). The corpus is taken into a knowledge base
    of its own, evaluate-FOLDER, which is brought to hold this corpus and nothing else; what it
    holds already is not ingested again.

    Prints nDCG, recall and mean reciprocal rank over the first ten results of each question (of a
    collection: documents, each as its best passage), and whether the best mode's lead is more than
    luck.
    """
    from app.evaluation.evaluator import checked_ways

    ways = checked_ways(mode or [])
    if answers:
        from app.cli.evaluating_answers import evaluate_answers

        if folder is not None or mode:
            raise InvalidRequest(
                "Answers are measured on the knowledge base's own questions.",
                remedy="Leave FOLDER and --mode out.",
            )
        with _bars() as report:
            evaluate_answers(knowledge_base, answers, report, as_json=as_json)
        return
    if folder is None:
        _evaluate_own(knowledge_base, ways, run_file, as_json=as_json)
        return
    from app.evaluation.collection import read_collection
    from app.evaluation.outcome import Way

    ways = ways or (Way.VECTOR,)
    _check_run_file(run_file, len(ways))
    collection = read_collection(folder)
    with open_everything() as services, _bars() as report:
        _check_ways(services, ways)
        evaluations = _evaluated(services, collection, ways, chunks, report)
    loaded = evaluations[0][0].loaded
    if run_file is not None:
        _write(evaluations[0][0], run_file)
    for name, reason in list(loaded.failed.items())[:FAILURES_SHOWN]:
        say(f"{shown_name(name)} could not be ingested: {shown(reason)}")
    kept = [outcome for _, outcome in evaluations]
    if as_json:
        runs = [_as_data(evaluation, outcome.way) for evaluation, outcome in evaluations]
        write_json(runs[0] if len(runs) == 1 else {"runs": runs, **_comparisons(kept)})
    else:
        _show(evaluations[0][0])
        _show_side_by_side(kept)
    if loaded.failed:
        say(f"{len(loaded.failed):,} documents are missing: the measures are too low.")
        raise typer.Exit(ExitCode.FAILED)


def _evaluated(
    services: Services,
    collection: Collection,
    ways: Sequence[Way],
    chunks: ChunksOption,
    report: Report,
) -> list[tuple[Evaluation, Evaluated]]:
    from app.evaluation.evaluator import outcomes
    from app.evaluation.outcome import Way

    evaluations = []
    for way in ways:
        evaluation = services.evaluator().evaluate(
            collection, way.mode, chunks.value, report, rerank=way is Way.RERANKED
        )
        evaluations.append((evaluation, outcomes(evaluation, collection, way)))
    base = evaluations[0][0].loaded.base
    services.evaluations.keep(base.id, [kept for _, kept in evaluations])
    return evaluations


def _evaluate_own(
    name: str | None, ways: Sequence[Way], run_file: Path | None, *, as_json: bool
) -> None:
    if run_file is not None:
        raise InvalidRequest(
            "A run file is of a collection's documents.", remedy="Name the collection's FOLDER."
        )
    with open_everything() as services, _bars() as report:
        base = find_knowledge_base(services, name)
        _check_ways(services, ways)
        evaluated = services.team_evaluator().evaluate(base, ways or services.ways, report)
        services.evaluations.keep(base.id, evaluated)
    if as_json:
        runs = [
            {
                **_measures(each),
                "mode": each.way,
                "questions": len(each.outcomes),
                "settings": each.settings,
                "search_seconds": round(each.seconds, 3),
            }
            for each in evaluated
        ]
        write_json({"knowledge_base": base.name, "runs": runs, **_comparisons(evaluated)})
        return
    say(f"{base.name}: {len(evaluated[0].outcomes):,} questions of its own.")
    _show_side_by_side(evaluated)


def _check_ways(services: Services, ways: Sequence[Way]) -> None:
    if missing := [way for way in ways if way not in services.ways]:
        raise InvalidRequest(
            f"Nothing can be {missing[0]}: no reranker is set.",
            remedy="Set TIDEMARK_RERANK_MODEL, or leave this mode out.",
        )


def _check_run_file(run_file: Path | None, modes: int) -> None:
    if run_file is None:
        return
    if modes > 1:
        raise InvalidRequest(
            "A run file holds one mode's results.", remedy="Evaluate each mode by itself for it."
        )
    if not run_file.absolute().parent.is_dir():
        raise InvalidRequest(
            f"There is no folder {str(run_file.absolute().parent)!r} to write the run file to.",
            remedy="Make it, or name another place with --run-file.",
        )


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


def _measures(evaluation: Evaluation | Evaluated) -> dict[str, float]:
    measures = evaluation.measures
    return {
        "ndcg@10": measures.ndcg,
        "recall@10": measures.recall,
        "mrr@10": measures.reciprocal_rank,
    }


def _comparisons(evaluated: Sequence[Evaluated]) -> dict[str, object]:
    from app.evaluation.significance import compared

    return {
        "comparisons": [
            {
                "better": each.better,
                "than": each.than,
                "ndcg@10": each.difference,
                "p": each.p,
            }
            for each in compared(evaluated)
        ]
    }


def _show(evaluation: Evaluation) -> None:
    loaded = evaluation.loaded
    say(
        f"{evaluation.collection}: {len(evaluation.by_question):,} questions, "
        f"{loaded.documents:,} documents ({loaded.ingested:,} ingested now), {evaluation.chunks}; "
        f"{evaluation.ingest_seconds:.1f} s to ingest."
    )


def _show_side_by_side(evaluated: Sequence[Evaluated]) -> None:
    from rich.table import Table

    from app.evaluation.significance import compared

    against = {each.than: each for each in compared(evaluated)}
    table = Table("mode", "nDCG@10", "recall@10", "MRR@10", "seconds", "against the best", box=None)
    for each in sorted(evaluated, key=lambda one: -one.measures.ndcg):
        measures = (f"{value:.4f}" for value in _measures(each).values())
        comparison = against.get(each.way)
        lead = ""
        if comparison is not None:
            luck = "" if comparison.significant else ": may be luck"
            lead = f"-{comparison.difference:.4f}, p = {comparison.p:.3g}{luck}"
        table.add_row(each.way, *measures, f"{each.seconds:.1f}", lead)
    results().print(table)


def _as_data(evaluation: Evaluation, way: Way) -> dict[str, object]:
    loaded = evaluation.loaded
    return {
        **_measures(evaluation),
        "collection": evaluation.collection,
        "knowledge_base": loaded.base.name,
        "mode": way,
        "chunks": evaluation.chunks,
        "model": evaluation.model,
        "questions": len(evaluation.by_question),
        "documents": loaded.documents,
        "ingested": loaded.ingested,
        "failed": loaded.failed,
        "ingest_seconds": round(evaluation.ingest_seconds, 3),
        "search_seconds": round(evaluation.search_seconds, 3),
    }
