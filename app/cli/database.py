"""`database`: the TiDB that Tidemark brings along, started and stopped by hand."""

from __future__ import annotations

import typer

program = typer.Typer(help="The TiDB that Tidemark brings along.", no_args_is_help=True)
