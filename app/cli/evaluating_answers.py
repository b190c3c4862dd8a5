"""`evaluate --answers`: how good the answers to the team's own questions are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, cast, get_args

from app.answering.answer import Approach
from app.cli.console import results, say, shown, write_json
from app.cli.knowledge_base import find_knowledge_base
from app.cli.opening import open_everything
from app.errors import InvalidRequest

if TYPE_CHECKING:
    from app.evaluation.answers import AnswerMeasures
    from app.evaluation.team_questions import Report

FAILURES_SHOWN = 5


def evaluate_answers(
    knowledge_base: str | None, ways: Sequence[str], report: Report, *, as_json: bool
) -> None:
    """Answer its own questions, keep how good that was, and show it beside the run before.

    Raises:
        InvalidRequest: no such way, or no questions.
    """
    for way in ways:
        if way not in get_args(Approach):
            raise InvalidRequest(
                f"{way!r} is no way to answer.", remedy=f"Choose {' or '.join(get_args(Approach))}."
            )
    chosen = cast("tuple[Approach, ...]", tuple(dict.fromkeys(ways)))
    with open_everything() as services:
        base = find_knowledge_base(services, knowledge_base)
        before = services.answer_evaluations.list(base.id)
        evaluated = services.answer_evaluator().evaluate(base, chosen, report)
        services.answer_evaluations.keep(base.id, evaluated)
    if as_json:
        runs = [
            {"way": each.way, "settings": each.settings, **asdict(each.measures)}
            for each in evaluated
        ]
        write_json({"knowledge_base": base.name, "runs": runs})
        return
    asked = evaluated[0].measures.questions
    say(f"{base.name}: {asked:,} question{'' if asked == 1 else 's'} of its own.")
    rows: list[tuple[str, AnswerMeasures]] = []
    for each in evaluated:
        rows.append((each.way, each.measures))
        earlier = next((one for one in before if one.way == each.way), None)
        if earlier is not None:
            rows.append((f"{each.way}, before", earlier.measures))
    _show(rows)
    failed = [outcome for each in evaluated for outcome in each.outcomes if outcome.failed]
    for outcome in failed[:FAILURES_SHOWN]:
        say(f"{shown(outcome.question)} could not be answered: {shown(outcome.failed)}")


def _show(rows: Sequence[tuple[str, AnswerMeasures]]) -> None:
    from rich.table import Table

    columns = ("way", "supported", "precision", "recall", "rightly", "median ms", "cost", "failed")
    table = Table(*columns, box=None)
    for name, each in rows:
        shares = (each.support, each.precision, each.recall, each.refusal)
        table.add_row(
            name,
            *("" if share is None else f"{share:.3f}" for share in shares),
            f"{each.milliseconds:,.0f}",
            "unknown" if each.cost is None else f"${each.cost:.4f}",
            f"{each.failed:,}",
        )
    results().print(table)
