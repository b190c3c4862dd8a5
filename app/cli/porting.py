"""`export` and `import`: a knowledge base as one file, for another Tidemark on any TiDB."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import bars, say, shown, shown_name
from app.cli.exits import ExitCode
from app.cli.knowledge_base import (
    KnowledgeBaseName,
    find_knowledge_base,
    find_or_make_knowledge_base,
)
from app.cli.opening import open_everything

if TYPE_CHECKING:
    from app.documents.model import KnowledgeBase
    from app.ingestion.portable import Import
    from app.ingestion.uploads import Receipt
    from app.services import Services

LOOK_PAUSE = 0.5  # seconds between looks at the queue


def add_commands(program: typer.Typer) -> None:
    program.command("export")(write)
    program.command("import")(read)


def write(
    knowledge_base: Annotated[str, typer.Argument(metavar="KNOWLEDGE_BASE")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write, a TAR.")],
    *,
    vectors: Annotated[
        bool,
        typer.Option(
            "--vectors", help="Write the vectors of the active index too, to embed nothing again."
        ),
    ] = False,
) -> None:
    """Write a knowledge base as one archive: originals, text, labels, questions, synonyms.

    Interrupted and begun again, it goes on after the last whole document.
    """
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        with bars() as progress:
            task = progress.add_task("Documents", total=services.documents.count(base.id))
            documents, size = services.exporter().write(
                base,
                file,
                vectors=vectors,
                report=lambda done, _: progress.update(task, completed=done),
            )
    say(f"Wrote {documents:,} documents of {base.name}, {size / 1e6:,.1f} MB, to {file}.")


def read(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive of `tidemark export`.")],
    *,
    knowledge_base: KnowledgeBaseName = None,
) -> None:
    """Take an archive in, check every hash, and ingest.

    The knowledge base is the one that the archive names, unless another is given, and is made where
    it is not there. What it has already is left as it is, so that an import can be begun again.
    """
    with open_everything() as services:
        archive = services.importer()
        base = find_or_make_knowledge_base(services, knowledge_base or archive.name(file))
        failed = _take_in(services, base, archive, file)
    if failed:
        raise typer.Exit(ExitCode.FAILED)


def _take_in(services: Services, base: KnowledgeBase, archive: Import, file: Path) -> int:
    from app.ingestion.job import JobState
    from app.ingestion.watch import Watch

    watch, failed = Watch(services.jobs), 0
    worker = services.worker()
    worker.start()
    try:
        with bars() as progress:
            task = progress.add_task("Documents", total=None)

            def taken(receipt: Receipt) -> None:
                progress.advance(task)
                if receipt.job_id is not None:
                    watch.add(receipt.job_id)

            done = archive.read(base, file, taken)
            say(
                f"Took {done.documents:,} documents, {done.helped.questions:,} questions, "
                f"{done.helped.searches:,} new saved searches and {done.helped.synonyms:,} new "
                f"groups of synonyms into {base.name}; {done.new:,} documents are to be ingested"
                + (f", {done.chunks:,} chunks came with vectors." if done.chunks else ".")
            )
            while watch.pending and not base.paused:
                for job in watch.look().values():
                    if job is not None and job.state is JobState.FAILED:
                        failed += 1
                        say(f"{shown_name(job.document_name)}: {shown(job.error or '')}")
                time.sleep(LOOK_PAUSE if watch.pending else 0)
    finally:
        worker.stop()
    return failed
