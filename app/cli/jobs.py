"""`jobs`: what is in the queue, what failed, and what may be done about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import results, say, shown, shown_name, write_json
from app.cli.knowledge_base import KnowledgeBaseName, find_knowledge_base
from app.cli.opening import open_everything

if TYPE_CHECKING:
    from app.ingestion.job import Job

program = typer.Typer(help="See and steer the queue of documents to ingest.", no_args_is_help=True)

JobNumber = Annotated[int | None, typer.Argument(metavar="[JOB]", help="A job's number.")]
All = Annotated[bool, typer.Option("--all", help="All of the knowledge base.")]


@program.command("list")
def list_jobs(
    *,
    knowledge_base: KnowledgeBaseName = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only what failed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the jobs as JSON.")] = False,
) -> None:
    """List what runs, waits or failed, newest first, with the pace and the time left."""
    with open_everything() as services:
        from app.web.pages.wording import pace_in_words

        base = find_knowledge_base(services, knowledge_base)
        jobs = services.jobs.failures(base.id) if failed else services.jobs.unfinished(base.id)
        counts = services.jobs.counts(base.id)
        pace = services.pace_meter.measure(base.id)
        told = [f"{number:,} {state.value}" for state, number in counts.items() if number]
        said = ", ".join(told) or "No job yet"
        if as_json:
            write_json(
                {
                    "knowledge_base": base.name,
                    "paused": base.paused,
                    "counts": {state.value: number for state, number in counts.items()},
                    "pace": asdict(pace),
                    "jobs": [_described(job) for job in jobs],
                }
            )
            return
        for job in jobs:
            _show(job)
        speed = pace_in_words(pace)
        say(f"{said}{'; ' + speed if speed else ''}{'; paused' if base.paused else ''}.")


@program.command()
def pause(
    job: JobNumber = None, *, everything: All = False, knowledge_base: KnowledgeBaseName = None
) -> None:
    """Hold a job, or with --all a whole knowledge base, until it is resumed."""
    _one_or_all(job, everything=everything)
    with open_everything() as services:
        if job is not None:
            services.job_control.pause(job)
            say(f"Job {job} is paused.")
            return
        found = find_knowledge_base(services, knowledge_base)
        services.job_control.pause_all(found)
        say(f"{found.name} is paused: uploads are taken in, and wait.")


@program.command()
def resume(
    job: JobNumber = None, *, everything: All = False, knowledge_base: KnowledgeBaseName = None
) -> None:
    """Let a paused job, or with --all a paused knowledge base, go on."""
    _one_or_all(job, everything=everything)
    with open_everything() as services:
        if job is not None:
            services.job_control.resume(job)
            say(f"Job {job} waits for a worker.")
            return
        found = find_knowledge_base(services, knowledge_base)
        services.job_control.resume_all(found)
        say(f"{found.name} goes on.")


@program.command()
def cancel(job: Annotated[int, typer.Argument(metavar="JOB", help="A job's number.")]) -> None:
    """End a job; its document stays as it was."""
    with open_everything() as services:
        services.job_control.cancel(job)
        say(f"Job {job} is cancelled.")


@program.command()
def retry(
    job: JobNumber = None, *, everything: All = False, knowledge_base: KnowledgeBaseName = None
) -> None:
    """Try a failed or cancelled job again, or with --all everything that failed."""
    _one_or_all(job, everything=everything)
    with open_everything() as services:
        if job is not None:
            services.job_control.retry(job)
            say(f"Job {job} waits for a worker.")
            return
        number = services.job_control.retry_failed(find_knowledge_base(services, knowledge_base))
        say(f"{number:,} {'job waits' if number == 1 else 'jobs wait'} for a worker.")


def _one_or_all(job: int | None, *, everything: bool) -> None:
    if (job is None) is not everything:
        raise typer.BadParameter("Name a job, or say --all.")


def _described(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "document_id": job.document_id,
        "document_name": job.document_name,
        "state": job.state.value,
        "stage": job.stage.value,
        "done": job.done,
        "total": job.total,
        "error": job.error,
        "remedy": job.remedy,
    }


def _show(job: Job) -> None:
    from rich.text import Text

    line = Text(f"{job.id:>7}  {job.state.value:<9}", style="red" if job.error else "")
    line.append(f"  {shown_name(job.document_name)}", style="default")
    if job.total:
        line.append(f"  {job.done:,} of {job.total:,} chunks", style="dim")
    if job.error:
        line.append(f"\n{'':<20}{shown(job.error)} {shown(job.remedy or '')}", style="default")
    results().print(line)
