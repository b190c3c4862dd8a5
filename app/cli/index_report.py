"""What `tidemark index` tells of indexes, of builds before they begin, and of comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.cli.console import results, say, shown

if TYPE_CHECKING:
    from app.evaluation.comparison import Comparison
    from app.indexes.plans import BuildPlan
    from app.indexes.recipe import Recipe
    from app.indexes.reports import IndexReport
    from app.services import Services

MOST_SHOWN = 20  # documents of an index that its model refused


def show(report: IndexReport, services: Services) -> None:
    from rich.text import Text

    from app.web.pages.wording import time_left

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
        facts.append(f"{time_left(report.left.total_seconds())} left")
    if report.tokens:
        facts.append(f"{report.tokens:,} tokens, {_cost(report, services)} so far")
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


def _cost(report: IndexReport, services: Services) -> str:
    from app.web.pages.wording import dollars

    cost = services.changeover.cost(report)
    return "at a price that is not known" if cost is None else dollars(cost)


def _prefixes(recipe: Recipe) -> str:
    of_each = (("questions", recipe.query_prefix), ("chunks", recipe.document_prefix))
    return "".join(f", {shown(prefix)!r} before {what}" for what, prefix in of_each if prefix)


def tell_of_settings(reports: tuple[IndexReport, ...], services: Services) -> None:
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


def tell_plan(plan: BuildPlan) -> None:
    from app.web.pages.wording import dollars

    price = "its price is not known" if plan.cost is None else f"about {dollars(plan.cost)}"
    if plan.price == 0:
        price = "on this machine"
    say(
        f"{plan.recipe.model}, {plan.recipe.dimensions} wide: {plan.revisions:,} revisions, about "
        f"{plan.chunks:,} chunks, of which up to {plan.embedded:,} are embedded ({price})."
    )


def show_comparison(
    comparison: Comparison, sides: tuple[IndexReport, IndexReport], services: Services
) -> None:
    """The figures of both, what they take, and the questions that moved."""
    from rich.table import Table

    from app.web.pages.wording import size

    table = Table("", "nDCG@10", "recall@10", "MRR@10", "median", "p95", box=None)
    takes = Table("", "documents", "chunks", "vectors", "build", box=None)
    both = (("active", comparison.before), ("other", comparison.after))
    for (said, side), report in zip(both, sides, strict=True):
        name, measures = f"{said} ({side.index_id})", side.measures
        figures = (measures.ndcg, measures.recall, measures.reciprocal_rank)
        times = (f"{side.median_ms:.0f} ms", f"{side.p95_ms:.0f} ms")
        table.add_row(name, *(f"{one:.3f}" for one in figures), *times)
        holds = (f"{report.standing.revisions:,}", f"{report.chunks:,}", size(report.vector_bytes))
        cost = _cost(report, services) if report.tokens else "nothing"
        by_uploads = not report.embedded and not report.reused
        takes.add_row(name, *holds, "grew with uploads" if by_uploads else cost)
    results().print(table)
    results().print(takes)
    test = comparison.ndcg
    results().print(
        f"difference {test.difference:+.3f}, 95 % interval {test.low:+.3f} to {test.high:+.3f}, "
        f"p {test.p:.3f}, on {comparison.questions}"
    )
    for name, moved in (("better", comparison.better), ("worse", comparison.worse)):
        for each in moved:
            ranks = f"{each.before or '–'} → {each.after or '–'}"  # noqa: RUF001
            results().print(f"{name:<7} {ranks:<9} {shown(each.question)}")
