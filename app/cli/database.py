"""`database`: the TiDB that Tidemark brings along, started and stopped by hand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import asked_in_secret, bars, results, say, write_json
from app.cli.opening import read_settings
from app.errors import DatabaseRefused

if TYPE_CHECKING:
    from rich.progress import TaskID

    from app.config import Settings

program = typer.Typer(
    help="Start, stop and look at the TiDB that Tidemark brings along, or move to another.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print the state as JSON.")]


@program.command()
def start() -> None:
    """Start TiDB, and leave it running until `tidemark database stop`.

    Commands start it by themselves, and the last one to end stops it; a TiDB that runs already
    spares each of them that time. The first start may build TiDB, which takes minutes.
    """
    from app.database.embedded import EmbeddedServer

    settings = read_settings()
    _tell_when_unused(settings)
    server = EmbeddedServer(settings.data_dir, settings.cache_dir, settings.tidb_memory_mb, say)
    with server.acquire() as lease:
        lease.keep()
        say(f"TiDB runs on {lease.url.host}:{lease.url.port}. `tidemark database stop` stops it.")


@program.command()
def stop() -> None:
    """Stop TiDB, whoever uses it; nothing is lost by that."""
    from app.database.embedded import stop_embedded_server

    settings = read_settings()
    _tell_when_unused(settings)
    say("TiDB is stopped." if stop_embedded_server(settings.data_dir) else "TiDB was not running.")


@program.command()
def move(
    url: Annotated[
        str,
        typer.Argument(
            metavar="[URL]",
            help="mysql+pymysql://user:password@host:4000/database. Without it, or with -, it is "
            "asked for, or read from a pipe: of an argument, other users can see the password.",
        ),
    ] = "-",
) -> None:
    """Copy everything to another TiDB, whose database is empty, and check that it is the same.

    Interrupted and begun again, it goes on. The data here stay as they are. No other Tidemark
    process may be at work meanwhile.
    """
    from app.opening import move_database

    settings = read_settings()
    _refuse_while_used(settings)
    if url == "-":
        url = asked_in_secret("URL of the other TiDB")
    with bars() as progress:
        tasks: dict[str, TaskID] = {}

        def report(table: str, rows: int) -> None:
            if table not in tasks:
                tasks[table] = progress.add_task(table, total=None)
            progress.update(tasks[table], completed=rows)

        moved = move_database(settings, url, say, report)
    say(
        f"Copied {moved.rows:,} rows of {moved.tables} tables, and both databases are the same. "
        "Set TIDB_DATABASE_URL to that database's URL to use it from now on."
    )


def _refuse_while_used(settings: Settings) -> None:
    from app.database.embedded import embedded_server_status

    if settings.tidb_database_url is not None:
        return  # whether others use it, only its data will tell
    users = [pid for pid in embedded_server_status(settings.data_dir).users if pid != os.getpid()]
    if users:
        raise DatabaseRefused(
            f"Other Tidemark processes are using the data: {', '.join(map(str, users))}.",
            remedy="Stop them first, so that nothing changes while it is copied.",
        )


@program.command()
def status(*, as_json: AsJson = False) -> None:
    """Say whether TiDB runs, where, and who uses it; nothing is started."""
    from app.database.embedded import embedded_server_status

    settings = read_settings()
    found = embedded_server_status(settings.data_dir)
    state = {
        "running": found.running,
        "folder": str(found.folder),
        "kind": found.kind,
        "version": found.version,
        "port": found.port,
        "pid": found.pid,
        "users": list(found.users),
        "unclean": found.unclean,
    }
    if as_json:
        write_json(state)
        return
    _tell_when_unused(settings)
    users = ", ".join(str(pid) for pid in found.users) or "nobody"
    if found.running:
        line = f"running  TiDB {found.version} on 127.0.0.1:{found.port} ({found.kind})"
        results().print(f"{line}\nused by  {users}")
    else:
        results().print("stopped" + (", and not cleanly" if found.unclean else ""))
    results().print(f"data in  {found.folder}")


def _tell_when_unused(settings: Settings) -> None:
    if settings.tidb_database_url is not None:
        say("TIDB_DATABASE_URL names another TiDB, which Tidemark uses instead of its own.")
