"""Soon."""

from __future__ import annotations

import typer


def add_commands(program: typer.Typer) -> None: ...
