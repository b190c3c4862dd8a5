"""`doctor`: is everything there that Tidemark needs, and if not, what is to be done?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import results, shown, write_json
from app.cli.exits import ExitCode
from app.cli.opening import read_settings

if TYPE_CHECKING:
    from app.cli.checks import Check


def add_commands(program: typer.Typer) -> None:
    program.command()(doctor)


def doctor(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what an unclean stop left, where it can be.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check the settings, TiDB, the models, the disk and the queue, and say what is wrong.

    Also whether every document, chunk and posting is whole; --repair mends what can be mended.
    Secrets are never shown. TiDB is started for the check where it does not run. A problem makes
    the exit code 1.
    """
    from app.cli.checks import Checkup
    from app.config import shown_settings

    settings = read_settings()
    names = shown_settings(settings)
    if not as_json:
        for name, value in names.items():
            results().print(f"{name:<35} {shown(value)}", style="dim")
        results().print()
    checks = []
    for check in Checkup(settings, repair).run():
        checks.append(check)
        if not as_json:
            _show(check)
    if as_json:
        write_json({"settings": names, "checks": [asdict(check) for check in checks]})
    if not all(check.ok for check in checks):
        raise typer.Exit(ExitCode.FAILED)


def _show(check: Check) -> None:
    from rich.text import Text

    line = Text("ok       " if check.ok else "problem  ", style="green" if check.ok else "red")
    line.append(f"{check.name:<16} {shown(check.finding)}", style="default")
    if check.remedy:
        line.append(f"\n{'':<26}{shown(check.remedy)}", style="default")
    results().print(line)
