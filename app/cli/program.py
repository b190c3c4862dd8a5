"""The `tidemark` program: its commands, and how every one of them ends."""

from __future__ import annotations

import logging
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli import (
    asking,
    database,
    doctor,
    documents,
    evaluating,
    indexing,
    ingesting,
    jobs,
    keys,
    mcp,
    models,
    porting,
    searching,
    serving,
    users,
)
from app.cli.console import tell
from app.cli.exits import EXIT_CODES, ExitCode, exit_code
from app.cli.interrupts import INTERRUPTS
from app.errors import TidemarkError

log = logging.getLogger(__name__)


def unforeseen(fault: Exception) -> TidemarkError:
    """What a person is told of a fault of ours; the rest of it may quote their documents."""
    said = str(fault).partition("\n")[0]
    return TidemarkError(
        f"Tidemark met what it did not foresee: {type(fault).__name__}: {said}",
        remedy="Report it, with what TIDEMARK_LOG_LEVEL=debug shows.",
    )


class Program(TyperGroup):
    """Ends every command alike: an error as its sentence and remedy, never as a trace."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as its base has it
        try:
            return super().invoke(ctx)
        except TidemarkError as error:
            tell(error)
            raise typer.Exit(exit_code(error)) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTS.exit_code) from None
        except (typer.TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise  # wrong usage, orderly ends, and a reader of our output who has gone
        except Exception as fault:
            # The boundary: nobody above could say it in words.
            log.debug("What was not foreseen:", exc_info=fault)
            tell(unforeseen(fault))
            raise typer.Exit(ExitCode.FAILED) from None


program = typer.Typer(
    name="tidemark",
    cls=Program,
    help="Search a team's documents by meaning, and get answers that cite them.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    # A trace shows local variables, and among them may be a secret.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for room in (serving, ingesting, porting, searching, asking, mcp, evaluating, doctor):
    room.add_commands(program)
program.add_typer(indexing.program, name="index")
program.add_typer(database.program, name="database")
program.add_typer(keys.program, name="key")
program.add_typer(jobs.program, name="jobs")
program.add_typer(documents.program, name="document")
program.add_typer(users.program, name="user")
program.add_typer(models.program, name="model")


def _version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tidemark {version('tidemark')}")
        raise typer.Exit


@program.callback()
def start(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version, and end."
        ),
    ] = False,
) -> None:
    """Search a team's documents by meaning, and get answers that cite them."""


def main() -> None:
    """Run the command that the process was started with."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character is shown its escape, not a trace.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    INTERRUPTS.install()
    try:
        program()
    finally:
        INTERRUPTS.ignore()
