"""What the command line writes: results to stdout, all else to stderr.

What comes from a document is data: never markup, and never a control sequence of the terminal.
Libraries that are slow to import stay out of here, for `tidemark --help` has to answer at once.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import typer

from app.errors import InvalidRequest, TidemarkError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


# Control characters but for line ends and tabs, and what is left of names that are no UTF-8.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@cache
def messages() -> Console:
    """Where people are told what is going on: stderr, so that stdout holds the result alone."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


@cache
def results() -> Console:
    """Where results for people are written; without styles where stdout is not a terminal."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(sentence: str) -> None:
    """Tell the person what is being done, or waited for."""
    root = logging.getLogger().handlers
    if root and isinstance(root[0].formatter, JsonLines):
        logging.getLogger("app").info("%s", sentence)
        return
    messages().print(shown(sentence))


def tell(error: TidemarkError) -> None:
    """Show what went wrong, and what to do about it."""
    messages().print(f"Error: {shown(error.message)}", style="red")
    if error.remedy:
        messages().print(shown(error.remedy))


def write_json(value: object) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def asked_in_secret(what: str, *, twice: bool = False) -> str:
    """What is typed unseen, `twice` to be sure of it; or the first line of a pipe.

    Raises:
        InvalidRequest: there is nothing in the pipe.
    """
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, confirmation_prompt=twice))
    line = sys.stdin.readline().strip("\r\n")
    if not line:
        raise InvalidRequest(f"{what}: nothing was given.", remedy="Pipe it, or use a terminal.")
    return line


def shown(text: str) -> str:
    """`text` with what a terminal would obey, or cannot be encoded, written as escapes."""
    return OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shown_name(name: str) -> str:
    """A name on one line, whatever characters a file system let into it."""
    return shown(name).replace("\n", "\\n").replace("\t", "\\t")


@contextmanager
def bars() -> Iterator[Progress]:
    """Progress bars while the context lasts; nothing where stderr is not a terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=messages(),
        transient=True,
        disable=not messages().is_terminal,
        # Results go past the bars where both are on one terminal, and to stdout where they are not.
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        yield progress


class _Messages(logging.Handler):
    """Log records among the other messages, past a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        # What goes on in the ordinary course reads like any other message.
        lead = f"{record.levelname.capitalize()}: " if record.levelno > logging.INFO else ""
        say(lead + self.format(record))


class JsonLines(logging.Formatter):
    """A record as one JSON object on one line, for programs that gather logs."""

    def format(self, record: logging.LogRecord) -> str:
        from app.telemetry import REQUEST_ID

        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = getattr(record, "request_id", None) or REQUEST_ID.get()
        if request_id is not None:
            line["request_id"] = request_id
        if (http := getattr(record, "http", None)) is not None:
            line["http"] = http
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_to_messages(level: str, form: str = "text") -> None:
    """Show Tidemark's log from `level` on, and of libraries only what is wrong.

    With `form` "json", what people are told goes the same way, so that each line is an object.
    """
    handler: logging.Handler = _Messages()
    if form == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("app").setLevel(level.upper())
