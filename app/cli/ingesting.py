"""`ingest`: files and folders become documents, each with its own outcome."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import bars, results, say, shown, shown_name, write_json
from app.cli.exits import ExitCode
from app.cli.files import FoundFiles, find_files
from app.cli.knowledge_base import KnowledgeBaseName, find_or_make_knowledge_base
from app.cli.opening import open_everything

if TYPE_CHECKING:
    from app.cli.ingestion_run import Outcome

STYLES = {"ingested": "green", "unchanged": "dim", "failed": "red"}


def add_commands(program: typer.Typer) -> None:
    program.command()(ingest)


def ingest(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files, and folders with all in them.")
    ],
    *,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="A tag for each document; may be repeated.")
    ] = None,
    knowledge_base: KnowledgeBaseName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
) -> None:
    """Ingest files, and folders with all that is in them but hidden files.

    A file is known by its name, or by its place in the folder that was given. The same bytes again
    change nothing; other bytes under the same name become the document's next revision. A file
    that cannot be read fails alone, and makes the exit code 1. A knowledge base that is not there
    is made.
    """
    from app.documents.labels import checked_labels

    labels = checked_labels(tag or (), {})
    found = find_files(paths)
    if found.hidden:
        say(
            f"Left out {counted(found.hidden, 'hidden file or folder', 'hidden files or folders')}."
        )
    with open_everything() as services:
        from app.cli.ingestion_run import IngestionRun

        base = find_or_make_knowledge_base(services, knowledge_base)
        with bars() as progress:
            run = IngestionRun(services, base, progress, _ignore if as_json else _show, labels)
            run.ingest(found)
    _conclude(base.name, found, run.outcomes, as_json=as_json)


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def _ignore(_outcome: Outcome) -> None:
    """The outcomes are printed together, in the end."""


def _show(outcome: Outcome) -> None:
    from rich.text import Text

    line = Text(f"{outcome.outcome:<9}", style=STYLES[outcome.outcome])
    line.append(f"  {shown_name(outcome.name)}", style="default")
    if outcome.outcome == "ingested":
        line.append(f"  {counted(outcome.chunks, 'chunk', 'chunks')}", style="dim")
    if outcome.error:
        line.append(
            f"\n           {shown(outcome.error)} {shown(outcome.remedy or '')}", style="default"
        )
    results().print(line)


def _conclude(base: str, found: FoundFiles, outcomes: list[Outcome], *, as_json: bool) -> None:
    counts = {kind: sum(outcome.outcome == kind for outcome in outcomes) for kind in STYLES}
    if as_json:
        documents = [asdict(outcome) for outcome in outcomes]
        write_json(
            {"knowledge_base": base, **counts, "hidden": found.hidden, "documents": documents}
        )
    elif not outcomes:
        say("There is no file to ingest.")
    else:
        say(", ".join(f"{number:,} {kind}" for kind, number in counts.items() if number) + ".")
    if counts["failed"]:
        raise typer.Exit(ExitCode.FAILED)
