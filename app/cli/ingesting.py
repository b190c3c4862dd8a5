"""`ingest`: files and folders become documents, each with its own outcome."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import bars, results, say, shown, shown_name, write_json
from app.cli.exits import ExitCode
from app.cli.files import FoundFiles, find_files, read_parts
from app.cli.knowledge_base import KnowledgeBaseName, find_or_make_knowledge_base
from app.cli.opening import open_everything

if TYPE_CHECKING:
    from app.cli.ingestion_run import Outcome
    from app.cli.syncing import Plan
    from app.documents.labels import Labels

STYLES = {"ingested": "green", "unchanged": "dim", "deleted": "yellow", "failed": "red"}


def add_commands(program: typer.Typer) -> None:
    program.command()(ingest)


def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Files, folders with all in them, and addresses."),
    ] = None,
    *,
    sitemap: Annotated[
        list[str] | None,
        typer.Option("--sitemap", help="A sitemap whose pages are ingested; may be repeated."),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="A tag for each document; may be repeated.")
    ] = None,
    knowledge_base: KnowledgeBaseName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
    sync: Annotated[
        bool,
        typer.Option("--sync", help="Make the knowledge base equal to one folder: deletes too."),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="With --sync: again at each change, until Ctrl-C.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --sync: only say what would be done.")
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only say what it would cost to embed them.")
    ] = False,
) -> None:
    """Ingest files, folders with all that is in them but hidden files, and pages of the web.

    A file is known by its name, or by its place in the folder that was given. The same bytes again
    change nothing; other bytes under the same name become the document's next revision. A file
    that cannot be read fails alone, and makes the exit code 1. A knowledge base that is not there
    is made. With --sync, documents that the folder has no file for are deleted.

    An address (https://...) is fetched, and again only if it has changed. Of several, or with
    --sitemap, those are left out that the site's robots.txt forbids, and each host has its pauses.
    """
    from app.documents.labels import checked_labels

    labels = checked_labels(tag or (), {})
    given = paths or []
    urls = [each for each in given if each.startswith(("http://", "https://"))]
    files = [Path(each) for each in given if each not in urls]
    if not given and not sitemap:
        raise typer.BadParameter("Name a file, a folder, an address or a --sitemap.")
    if estimate:
        if sync or urls or sitemap:
            raise typer.BadParameter("--estimate takes files and folders, without --sync.")
        _estimate(find_files(files), knowledge_base, as_json=as_json)
        return
    if sync:
        if urls or sitemap:
            raise typer.BadParameter("--sync takes one folder.")
        _sync(files, knowledge_base, labels, watch=watch, dry_run=dry_run, as_json=as_json)
        return
    if watch or dry_run:
        raise typer.BadParameter("--watch and --dry-run go with --sync.")
    found = find_files(files)
    if found.hidden:
        say(
            f"Left out {counted(found.hidden, 'hidden file or folder', 'hidden files or folders')}."
        )
    with open_everything() as services:
        from app.cli.ingestion_run import IngestionRun
        from app.ingestion.fetching import Crawl, Page

        crawl = Crawl(services.sources.fetcher)
        listed = [page for each in sitemap or () for page in crawl.sitemap(each)]
        if listed:
            say(f"The sitemap lists {counted(len(listed), 'page', 'pages')}.")
        # One page that somebody asks for is no crawl: a browser would not ask robots.txt either.
        alone = len(urls) == 1 and not listed
        pages = [Page(urls[0])] if alone else crawl.pages([*urls, *listed])
        base = find_or_make_knowledge_base(services, knowledge_base)
        with bars() as progress:
            run = IngestionRun(services, base, progress, _ignore if as_json else _show, labels)
            run.ingest(found, pages)
    _conclude(base.name, found, run.outcomes, as_json=as_json)


def _estimate(found: FoundFiles, knowledge_base: str | None, *, as_json: bool) -> None:
    with open_everything() as services:
        base = find_or_make_knowledge_base(services, knowledge_base)
        named = [(file.name, partial(read_parts, file)) for file in found.files]
        told = services.estimator.estimate(base, named)
    if as_json:
        write_json({"knowledge_base": base.name, **asdict(told), "suffices": told.suffices})
    else:
        free = told.model.startswith("local/")
        known = "its price is not known" if told.cost is None else f"at most ${told.cost:,.4f}"
        cost = "on this machine, which costs nothing" if free else known
        files = counted(told.files, "file", "files")
        say(f"{files} with {told.tokens:,} tokens would be embedded by {told.model}: {cost}.")
        say(f"{told.unchanged:,} unchanged, {told.unreadable:,} cannot be read. Nothing was done.")
        if told.left is not None:
            enough = "suffices" if told.suffices else "does not suffice"
            say(f"Today's budget has ${told.left:,.4f} left, which {enough}.")
    if not told.suffices:
        raise typer.Exit(ExitCode.FAILED)


def _sync(
    paths: list[Path],
    knowledge_base: str | None,
    labels: Labels,
    *,
    watch: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    if len(paths) != 1 or not paths[0].is_dir():
        raise typer.BadParameter("--sync takes one folder.")
    if as_json and watch:
        raise typer.BadParameter("--json prints one document, and --watch never ends.")
    with open_everything() as services:
        from app.cli.ingestion_run import IngestionRun, Outcome
        from app.cli.syncing import FolderSync

        base = find_or_make_knowledge_base(services, knowledge_base)
        syncing = FolderSync(services, base, paths[0])
        while True:
            plan = syncing.plan()
            if dry_run:
                _show_plan(base.name, plan, as_json=as_json)
                return
            deleted = list(syncing.delete(plan))
            outcomes = [Outcome(name, "deleted") for name in deleted]
            if not as_json:
                for outcome in outcomes:
                    _show(outcome)
            with bars() as progress:
                show = _ignore if as_json else _show
                run = IngestionRun(services, base, progress, show, labels)
                run.ingest(plan.uploads)
            outcomes += run.outcomes
            for name in plan.kept:
                say(f"Kept {shown_name(name)}: its place in the folder could not be read.")
            if not watch:
                _conclude(base.name, plan.found, outcomes, plan.unchanged, as_json=as_json)
                return
            watched = shown_name(str(paths[0]))
            say(f"{_told(outcomes, plan.unchanged)} Watching {watched}; Ctrl-C ends.")
            syncing.wait_for_a_change()


def _show_plan(base: str, plan: Plan, *, as_json: bool) -> None:
    """What `--sync` would do, without doing it."""
    would = {
        "add": [file.name for file in plan.added],
        "change": [file.name for file in plan.changed],
        "delete": list(plan.deleted),
        "fail": [name for name, _ in plan.found.refused],
    }
    if as_json:
        write_json({"knowledge_base": base, "would": would, "unchanged": plan.unchanged})
        return
    for what, names in would.items():
        for name in names:
            results().print(f"{what:<7}  {shown_name(name)}")
    said = ", ".join(f"{what} {len(names):,}" for what, names in would.items() if names)
    say(f"Would {said or 'do nothing'}; {plan.unchanged:,} unchanged. Nothing was done.")


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


def _counts(outcomes: list[Outcome], unchanged: int) -> dict[str, int]:
    counts = {kind: sum(outcome.outcome == kind for outcome in outcomes) for kind in STYLES}
    return counts | {"unchanged": counts["unchanged"] + unchanged}


def _told(outcomes: list[Outcome], unchanged: int) -> str:
    counts = _counts(outcomes, unchanged)
    return ", ".join(f"{number:,} {kind}" for kind, number in counts.items() if number) + "."


def _conclude(
    base: str,
    found: FoundFiles,
    outcomes: list[Outcome],
    unchanged: int = 0,
    *,
    as_json: bool,
) -> None:
    """Sum up; `unchanged` files were not even looked at by an upload."""
    counts = _counts(outcomes, unchanged)
    if as_json:
        documents = [asdict(outcome) for outcome in outcomes]
        write_json(
            {"knowledge_base": base, **counts, "hidden": found.hidden, "documents": documents}
        )
    elif not outcomes and not unchanged:
        say("There is no file to ingest.")
    else:
        say(_told(outcomes, unchanged))
    if counts["failed"]:
        raise typer.Exit(ExitCode.FAILED)
