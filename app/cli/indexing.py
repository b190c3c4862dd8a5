"""`index`: another embedding model for a knowledge base, while everyone goes on searching."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import bars, say, write_json
from app.cli.exits import ExitCode
from app.cli.index_report import show, show_comparison, tell_of_settings, tell_plan
from app.cli.knowledge_base import KnowledgeBaseName, find_knowledge_base
from app.cli.opening import open_everything

if TYPE_CHECKING:
    from app.documents.model import KnowledgeBase
    from app.services import Services

program = typer.Typer(
    help="Build another index beside the active one, compare them, promote it, take it back.",
    no_args_is_help=True,
)

LOOK_PAUSE = 0.5  # seconds between looks at a build

IndexId = Annotated[int, typer.Argument(metavar="INDEX", help="The index's number, as in `list`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what the API would reply.")]
Margin = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Promote it only if its nDCG@10 is not worse than the active one's by more than this.",
    ),
]

Without = Annotated[
    int,
    typer.Option(min=0, help="How many documents it may lack because its model refuses them."),
]


@program.command("list")
def list_indexes(*, knowledge_base: KnowledgeBaseName = None, as_json: AsJson = False) -> None:
    """Show every index of a knowledge base, what it holds, and how its build goes."""
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        if as_json:
            from app.web.api.indexes import list_indexes as replied

            write_json(replied(base, services).model_dump(mode="json"))
            return
        reports = services.changeover.reports.of(base.id)
        for report in reports:
            show(report, services)
        if not reports:
            say(f"{base.name} has no index yet: its first document gets one.")
        tell_of_settings(reports, services)


@program.command()
def build(
    *,
    model: Annotated[
        str | None, typer.Option(help="As TIDEMARK_EMBEDDING_MODEL, which it is unless given.")
    ] = None,
    dimensions: Annotated[
        int | None, typer.Option(min=1, help="The vectors' width, of models that offer several.")
    ] = None,
    chunk_tokens: Annotated[
        int | None, typer.Option(help="As TIDEMARK_CHUNK_TOKENS, which it is unless given.")
    ] = None,
    query_prefix: Annotated[str | None, typer.Option(help="Put before each question.")] = None,
    document_prefix: Annotated[str | None, typer.Option(help="Put before each chunk.")] = None,
    if_not_worse_by: Margin = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what it would do and cost.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Work on it here until it is ready.")
    ] = True,
    knowledge_base: KnowledgeBaseName = None,
) -> None:
    """Build another index beside the active one; searches and uploads go on meanwhile.

    What is stored of a build is never done twice: after Ctrl-C any worker goes on with it. With
    `--if-not-worse-by` it is compared and promoted by itself once it is ready.
    """
    from app.indexes.recipes import Choice

    choice = Choice(model, dimensions, query_prefix, document_prefix, chunk_tokens)
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        changeover = services.changeover.by_operator()
        tell_plan(changeover.plan(base, choice))
        if plan:
            return
        index_id = changeover.build(base, choice, if_not_worse_by)
        say(f"Building index {index_id} of {base.name}.")
        if not wait:
            say("Workers go on with it. `tidemark index list` shows how far it is.")
            return
        _work_until_ready(services, base, index_id)
        report = changeover.reports.one(base.id, index_id)
        show(report, services)
    if not report.in_step or report.error:
        raise typer.Exit(ExitCode.FAILED)


@program.command()
def compare(
    index: IndexId,
    *,
    mode: Annotated[
        str, typer.Option(help="How both are searched: vector, keyword or hybrid.")
    ] = "hybrid",
    knowledge_base: KnowledgeBaseName = None,
    as_json: AsJson = False,
) -> None:
    """Ask an index and the active one the same questions: the team's own, or drawn ones."""
    from app.evaluation.evaluator import checked_mode

    how = checked_mode(mode)
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        with bars() as progress:
            task = progress.add_task("Asking both", total=None)
            comparison = services.changeover.compare(
                base,
                index,
                how,
                lambda done, of: progress.update(task, completed=done, total=of),
            )
        if as_json:
            from app.web.api.comparison import ComparisonShape

            write_json(ComparisonShape.of(comparison).model_dump(mode="json"))
            return
        compared = (comparison.before.index_id, comparison.after.index_id)
        one, other = (services.changeover.reports.one(base.id, each) for each in compared)
        show_comparison(comparison, (one, other), services)


@program.command()
def promote(
    index: IndexId,
    *,
    if_not_worse_by: Margin = None,
    without: Without = 0,
    knowledge_base: KnowledgeBaseName = None,
) -> None:
    """Answer searches from this index from now on; the former one is kept."""
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        if if_not_worse_by is None:
            services.changeover.switch.promote(base.id, index, without)
        else:
            services.changeover.switch.schedule(base.id, index, if_not_worse_by)
            _work_until_ready(services, base, index)
            report = services.changeover.reports.one(base.id, index)
            if report.error:
                say(f"{report.error} {report.remedy or ''}")
                raise typer.Exit(ExitCode.FAILED)
    say(f"{base.name} is searched by index {index}. `tidemark index revert` takes that back.")


@program.command()
def unschedule(index: IndexId, *, knowledge_base: KnowledgeBaseName = None) -> None:
    """Take back that an index is to be promoted by itself."""
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        services.changeover.switch.schedule(base.id, index, None)
    say(f"Index {index} stays as it is until somebody promotes it.")


@program.command()
def revert(*, without: Without = 0, knowledge_base: KnowledgeBaseName = None) -> None:
    """Take the last promotion back: the former index is active again."""
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        index = services.changeover.switch.revert(base.id, without)
    say(f"{base.name} is searched by index {index} again.")


@program.command()
def pause(index: IndexId, *, knowledge_base: KnowledgeBaseName = None) -> None:
    """Let the build of an index rest."""
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        services.changeover.switch.pause(base.id, index)
    say(f"Index {index} rests. `tidemark index resume {index}` goes on with it.")


@program.command()
def resume(index: IndexId, *, knowledge_base: KnowledgeBaseName = None) -> None:
    """Go on with a build that was paused or has failed; try again what the model refused."""
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        services.changeover.resume(base, index)
    say(f"Workers go on with index {index}.")


@program.command()
def drop(index: IndexId, *, knowledge_base: KnowledgeBaseName = None) -> None:
    """Drop an index that is not active; of one that is being built, this cancels the build."""
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        services.changeover.switch.drop(base.id, index)
    say(f"Index {index} is dropped. Its tables go within minutes, while a worker runs.")


def _work_until_ready(services: Services, base: KnowledgeBase, index_id: int) -> None:
    from app.indexes.index import IndexState

    worker = services.worker()
    worker.start()
    try:
        with bars() as progress:
            task = progress.add_task("Building", total=1000)
            while True:
                report = services.changeover.reports.one(base.id, index_id)
                progress.update(task, completed=round(1000 * report.share))
                ended = report.index.state != IndexState.BUILDING
                if ended and report.promote_margin is not None and report.can_be_promoted:
                    ended = False  # it is being compared
                if ended or (report.error and not report.being_built):
                    return
                time.sleep(LOOK_PAUSE)
    finally:
        worker.stop()
