"""The command line: one module for each group of commands."""

from app.cli.program import main

__all__ = ["main"]
