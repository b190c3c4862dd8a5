"""`database`: the TiDB that Tidemark brings along, started and stopped by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import results, say, write_json
from app.cli.opening import read_settings

if TYPE_CHECKING:
    from app.config import Settings

program = typer.Typer(
    help="Start, stop and look at the TiDB that Tidemark brings along.", no_args_is_help=True
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
