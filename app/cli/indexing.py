"""`index`: another embedding model for a knowledge base, while everyone goes on searching."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import bars, results, say, shown, write_json
from app.cli.exits import ExitCode
from app.cli.knowledge_base import KnowledgeBaseName, find_knowledge_base
from app.cli.opening import open_everything

if TYPE_CHECKING:
    from app.documents.model import KnowledgeBase
    from app.evaluation.comparison import Comparison
    from app.indexes.plans import BuildPlan
    from app.indexes.recipe import Recipe
    from app.indexes.reports import IndexReport
    from app.services import Services

program = typer.Typer(
    help="Build another index beside the active one, compare them, promote it, take it back.",
    no_args_is_help=True,
)

LOOK_PAUSE = 0.5  # seconds between looks at a build
MOST_SHOWN = 20  # documents of an index that its model refused

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
            _show(report, services)
        if not reports:
            say(f"{base.name} has no index yet: its first document gets one.")
        _tell_of_settings(reports, services)


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
        _tell_plan(changeover.plan(base, choice))
        if plan:
            return
        index_id = changeover.build(base, choice, if_not_worse_by)
        say(f"Building index {index_id} of {base.name}.")
        if not wait:
            say("Workers go on with it. `tidemark index list` shows how far it is.")
            return
        _work_until_ready(services, base, index_id)
        report = changeover.reports.one(base.id, index_id)
        _show(report, services)
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
        from app.web.api.indexes import ComparisonShape

        write_json(ComparisonShape.of(comparison).model_dump(mode="json"))
        return
    _show_comparison(comparison)


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


def _show(report: IndexReport, services: Services) -> None:
    from rich.text import Text

    recipe = report.index.recipe
    line = Text(f"{report.index.id}  {report.index.state:<9}", style="bold")
    line.append(f" {shown(recipe.model)}, {recipe.dimensions} wide", style="default")
    if recipe.chunk_tokens:
        line.append(f", chunks of up to {recipe.chunk_tokens} tokens", style="default")
    line.append(_prefixes(recipe), style="default")
    results().print(line)
    holds = f"{report.standing.revisions:,} of {report.expected.revisions:,} revisions"
    facts = [f"{holds} ({report.standing.digest})", f"{report.chunks:,} chunks"]
    if report.promote_margin is not None:
        facts.append(f"to be promoted if not worse by more than {report.promote_margin:g}")
    if report.rate:
        facts.append(f"{report.rate:.1f} chunks a second")
    if report.left:
        facts.append(f"about {round(report.left.total_seconds()):,} s left")
    cost = services.changeover.cost(report)
    if cost:
        facts.append(f"${cost:.4f} so far")
    results().print("   " + ", ".join(facts))
    if report.vector_index is not None:
        results().print(f"   {shown(report.vector_index.told)}")
    if report.error:
        results().print(f"   {shown(report.error)} {shown(report.remedy or '')}")
    if report.refused:
        _show_refused(report, services)


def _show_refused(report: IndexReport, services: Services) -> None:
    """The documents that it lacks; of very many, the first ones."""
    index_id, lacking = report.index.id, report.refused
    many = "1 document is" if lacking == 1 else f"{lacking:,} documents are"
    results().print(f"   {many} not in it, because its model refuses them:")
    told = services.changeover.refusals.of(index_id, limit=MOST_SHOWN)
    for document in told:
        results().print(f"   - {shown(document.name)}: {shown(document.error)}")
    if lacking > len(told):
        results().print(f"   and {lacking - len(told):,} more, which the API lists.")
    results().print(f"   `tidemark index resume {index_id}` tries them again.", style="dim")
    if report.index.state != "active":
        how = f"`tidemark index promote {index_id} --without {lacking}`"
        results().print(f"   {how} does without them.", style="dim")


def _prefixes(recipe: Recipe) -> str:
    of_each = (("questions", recipe.query_prefix), ("chunks", recipe.document_prefix))
    return "".join(f", {shown(prefix)!r} before {what}" for what, prefix in of_each if prefix)


def _tell_of_settings(reports: tuple[IndexReport, ...], services: Services) -> None:
    from app.indexes.index import IndexState

    wanted = services.changeover.settings_recipe()
    for report in reports:
        if wanted and report.index.state == IndexState.ACTIVE and report.index.recipe != wanted:
            say(
                f"The settings say {wanted.model}, {wanted.dimensions} wide, chunks of up to "
                f"{wanted.chunk_tokens} tokens{_prefixes(wanted) or ', no prefixes'}; "
                "the active index goes on with its own recipe. "
                "`tidemark index build` builds one by the settings beside it."
            )


def _tell_plan(plan: BuildPlan) -> None:
    price = "its price is not known" if plan.cost is None else f"about ${plan.cost:.4f}"
    if plan.price == 0:
        price = "on this machine"
    say(
        f"{plan.recipe.model}, {plan.recipe.dimensions} wide: {plan.revisions:,} revisions, about "
        f"{plan.chunks:,} chunks, of which up to {plan.embedded:,} are embedded ({price})."
    )


def _show_comparison(comparison: Comparison) -> None:
    from rich.table import Table

    table = Table("", "nDCG@10", "recall@10", "MRR@10", "median", "p95", box=None)
    for name, side in (("active", comparison.before), ("other", comparison.after)):
        measures = side.measures
        figures = (measures.ndcg, measures.recall, measures.reciprocal_rank)
        times = (f"{side.median_ms:.0f} ms", f"{side.p95_ms:.0f} ms")
        table.add_row(f"{name} ({side.index_id})", *(f"{one:.3f}" for one in figures), *times)
    results().print(table)
    test = comparison.ndcg
    results().print(
        f"difference {test.difference:+.3f}, 95 % interval {test.low:+.3f} to {test.high:+.3f}, "
        f"p {test.p:.3f}, on {comparison.questions}"
    )
    for name, moved in (("better", comparison.better), ("worse", comparison.worse)):
        for each in moved:
            ranks = f"{each.before or '–'} → {each.after or '–'}"  # noqa: RUF001
            results().print(f"{name:<7} {ranks:<9} {shown(each.question)}")
