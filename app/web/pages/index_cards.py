"""One index as the page Indexes shows it, with what its buttons do; what a build would take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.indexes.index import IndexState
from app.indexes.plans import BuildPlan
from app.indexes.recipe import Recipe
from app.indexes.refusals import RefusedDocument
from app.indexes.reports import IndexReport
from app.services import Services
from app.web.addresses import address
from app.web.pages.wording import count, dollars, size, time_left

MOST_SHOWN = 50  # documents that an index's model refuses


class Act(StrEnum):
    """What the buttons of the page do."""

    PROMOTE = "promote"
    REVERT = "revert"
    DROP = "drop"
    PAUSE = "pause"
    RESUME = "resume"
    COMPARE = "compare"
    UNSCHEDULE = "unschedule"


SAID = {
    IndexState.BUILDING: "being built",
    IndexState.PAUSED: "paused",
    IndexState.FAILED: "failed",
    IndexState.READY: "ready",
    IndexState.INCOMPLETE: "incomplete",
    IndexState.ACTIVE: "active",
    IndexState.RETIRED: "kept to go back to",
    IndexState.DROPPED: "dropped",
}


@dataclass(frozen=True)
class Card:
    """One index as the page shows it; `acts` are the buttons it has."""

    id: int
    model: str
    state: str
    active: bool
    building: bool
    moving: bool
    """Whether it will be something else in a while, without anybody's doing."""
    share: int
    """Of a thousand."""
    progress: str
    facts: tuple[tuple[str, str], ...]
    error: str | None
    remedy: str | None
    refused: tuple[RefusedDocument, ...]
    """The first of the documents that its model refuses."""
    lacking: str
    """How many they are, as a sentence; empty where there are none."""
    without: int
    acts: tuple[tuple[str, str], ...]
    compared: str | None
    """The address of its comparison, where it can be compared."""


def compare_address(base: str, index: int, q: str = "") -> str:
    return address("/indexes/compare", ("knowledge-base", base), ("index", index), ("q", q))


def card(report: IndexReport, services: Services, base: str, *, may_manage: bool) -> Card:
    recipe, state = report.index.recipe, report.index.state
    building = state == IndexState.BUILDING
    compared = report.promote_margin is not None and report.can_be_promoted
    lacking = report.refused
    return Card(
        id=report.index.id,
        model=recipe.model,
        state=SAID[state] + (", being compared" if compared else ""),
        active=state == IndexState.ACTIVE,
        building=building,
        moving=building or compared,
        share=round(1000 * report.share),
        progress=_progress(report) if building else "",
        facts=_facts(report, services),
        error=report.error,
        remedy=report.remedy,
        refused=services.changeover.refusals.of(report.index.id, limit=MOST_SHOWN)
        if lacking
        else (),
        lacking=_lacking(lacking),
        without=lacking,
        acts=_acts(report) if may_manage else (),
        compared=compare_address(base, report.index.id) if report.can_be_compared else None,
    )


def _lacking(lacking: int) -> str:
    if not lacking:
        return ""
    are = "1 document is" if lacking == 1 else f"{lacking:,} documents are"
    return f"{are} not in it, because its model refuses {'it' if lacking == 1 else 'them'}"


def _progress(report: IndexReport) -> str:
    said = f"{report.share:.0%}"
    if report.rate:
        said += f", {report.rate:.0f} chunks a second"
    if report.left:
        said += f", {time_left(report.left.total_seconds())} left"
    return said


def _facts(report: IndexReport, services: Services) -> tuple[tuple[str, str], ...]:
    recipe = report.index.recipe
    same = "the same as" if report.in_step else "not what" if report.refused else "not yet what"
    holds = (
        f"{report.standing.revisions:,} of {count(report.expected.revisions, 'revision')}, "
        f"{count(report.chunks, 'chunk')}, vectors of {size(report.vector_bytes)}"
    )
    facts = [
        ("Recipe", told_recipe(recipe)),
        ("Holds", holds),
        (
            "Checked",
            f"{report.standing.digest}, {same} the documents have ({report.expected.digest})",
        ),
    ]
    if prefixes := told_prefixes(recipe):
        facts.append(("Prefixes", prefixes))
    if report.embedded or report.reused:
        built = f"{count(report.embedded, 'chunk')} embedded"
        facts.append(("Built", f"{built}, the vectors of {report.reused:,} reused"))
    if cost := paid(report, services):
        facts.append(("Cost", cost))
    if report.promote_margin is not None:
        facts.append(("Then", f"promoted, if not worse by more than {report.promote_margin:g}"))
    if report.vector_index is not None:
        told = report.vector_index.told
        facts.append(("Vector index", told[:1].upper() + told[1:]))
    return tuple(facts)


def told_recipe(recipe: Recipe) -> str:
    """Its width and its chunks; the prefixes and the model are told apart from that."""
    return f"{count(recipe.dimensions, 'dimension')}, {_chunks(recipe)}"


def told_prefixes(recipe: Recipe) -> str:
    """What is put before questions and chunks; empty where nothing is."""
    of_each = (("questions", recipe.query_prefix), ("chunks", recipe.document_prefix))
    return ", ".join(f"“{prefix}” before {what}" for what, prefix in of_each if prefix)


def _chunks(recipe: Recipe) -> str:
    if recipe.chunk_tokens is None:
        return "whole documents"
    return f"chunks of up to {count(recipe.chunk_tokens, 'token')}"


def paid(report: IndexReport, services: Services) -> str | None:
    """What its build has cost so far; None where no other machine was asked for anything."""
    if not report.tokens:
        return None
    cost = services.changeover.cost(report)
    said = "its price is not known" if cost is None else dollars(cost)
    return f"{count(report.tokens, 'token')}, {said}"


def _acts(report: IndexReport) -> tuple[tuple[str, str], ...]:
    state = report.index.state
    again = [(Act.RESUME, "Try the refused again")] if report.refused else []
    if state == IndexState.ACTIVE:
        return tuple(again)
    acts: list[tuple[str, str]] = []
    if report.can_be_compared:
        what = "Promote" if report.retired_at is None else "Take back to this"
        if state == IndexState.INCOMPLETE:
            acts += again
            what += f" without {'it' if report.refused == 1 else f'those {report.refused:,}'}"
        acts.append((Act.PROMOTE, what))
        acts.append((Act.COMPARE, "Compare"))
    if state == IndexState.BUILDING:
        acts.append((Act.PAUSE, "Pause"))
    waits = state == IndexState.BUILDING and report.error
    if waits or state in {IndexState.PAUSED, IndexState.FAILED}:
        acts.append((Act.RESUME, "Go on"))
    if report.promote_margin is not None:
        acts.append((Act.UNSCHEDULE, "Do not promote by itself"))
    acts.append((Act.DROP, "Cancel" if state == IndexState.BUILDING else "Drop"))
    return tuple(acts)


def plan_facts(plan: BuildPlan) -> tuple[tuple[str, str], ...]:
    recipe = plan.recipe
    if plan.price == 0:
        cost = "nothing: the model runs on this machine"
    elif plan.cost is None:
        cost = f"about {count(plan.tokens, 'token')}; the model's price is not known"
    else:
        cost = f"about {dollars(plan.cost)} for {count(plan.tokens, 'token')}"
    return (
        ("Model", recipe.model),
        ("Width", count(recipe.dimensions, "dimension")),
        ("Chunks", _chunks(recipe).removeprefix("chunks of ")),
        ("Prefixes", told_prefixes(recipe) or "none"),
        (
            "To be built",
            f"{count(plan.revisions, 'revision')}, about {count(plan.chunks, 'chunk')}",
        ),
        ("To be embedded", f"up to {count(plan.embedded, 'chunk')}"),
        ("Cost", cost),
    )
