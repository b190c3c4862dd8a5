"""`serve` and `worker`: the processes that run until they are told to stop."""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import say
from app.cli.exits import ExitCode
from app.cli.interrupts import INTERRUPTS
from app.cli.opening import open_everything, read_settings
from app.errors import InvalidSetting

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from app.config import Settings
    from app.services import Services

SECONDS_TO_FINISH = 5
"""How long requests that are being answered get when the server stops."""


def add_commands(program: typer.Typer) -> None:
    program.command()(serve)
    program.command()(worker)


def serve(
    *,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on; TIDEMARK_HOST unless given.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="The port to listen on, 0 for any; TIDEMARK_PORT unless given."
        ),
    ] = None,
    with_worker: Annotated[
        bool,
        typer.Option("--worker/--no-worker", help="Ingest uploads in this process too."),
    ] = True,
) -> None:
    """Serve the web app, its API and, unless told not to, a worker, until Ctrl-C.

    Starts TiDB where none is configured, and stops it in the end. Several of these may run on one
    TiDB. A stop by SIGTERM is an orderly end, with exit code 0.
    """
    settings = read_settings()
    settings = settings.model_copy(
        update={
            "host": settings.host if host is None else host,
            "port": settings.port if port is None else port,
        }
    )
    listener = listen_on(settings.host, settings.port)
    say("Starting Tidemark.")
    import asyncio
    import gc

    from app.main import create_app

    with listener, open_everything(settings, serving=True) as services:
        app = create_app(settings, services, worker=with_worker)
        _tell_of_settings(services)
        greeting = _greeting(app, settings, listener.getsockname()[1])
        server = _server(app, settings, greeting)
        gc.freeze()  # the application too, as `open_services` does with all else that stays
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_serve(app, server, listener, settings))
    say("Stopped.")
    _ended()


def worker() -> None:
    """Ingest what is in the queue, without a web app, until Ctrl-C.

    Any number of these may run on one TiDB. A stop by SIGTERM is an orderly end, with exit code 0.
    """
    from app.ingestion.priority import give_way

    with open_everything(serving=True) as services, ExitStack() as stack:
        give_way()  # after TiDB was started, which is not to be as slow
        working = services.worker()
        stop = threading.Event()
        INTERRUPTS.on_first = stop.set
        if address := services.settings.worker_metrics_address:
            from app.figures import told_at

            port = stack.enter_context(told_at(*address, services))
            say(f"Figures for Prometheus are at http://{address[0]}:{port}/metrics.")
        working.start()
        say("Waiting for documents to ingest. Ctrl-C ends.")
        stop.wait()
        say("Stopping after the batch at hand.")
        working.stop()
    _ended()


def _tell_of_settings(services: Services) -> None:
    """Say which knowledge bases go on with an index of another recipe than the settings'."""
    is_of_settings = services.changeover.recipes.is_of_settings
    others = [
        name for name, index in services.indexes.every_active() if not is_of_settings(index.recipe)
    ]
    if others:
        named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if others[3:] else "")
        say(
            f"The settings say another recipe than the active index of {named} has; searches go on "
            "with that index. The page Indexes, or `tidemark index build`, switches."
        )


def listen_on(host: str, port: int) -> socket.socket:
    """A socket bound to the address, before anything is started.

    Raises:
        InvalidSetting: the address is not this machine's own, or is in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio has replies sent at once only where the protocol is named; else the rest of one waits
    # for the client to confirm its beginning, which takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A port that was in use a moment ago may be used again.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as refused:
        listener.close()
        raise port_refused(refused, host, port) from refused
    return listener


def port_refused(refused: OSError, host: str, port: int) -> InvalidSetting:
    """Why the address cannot be listened on, and what to do about it."""
    if refused.errno == errno.EADDRINUSE:
        return InvalidSetting(
            f"Port {port} on {host} is in use by another program.",
            remedy=f"Stop that program (another Tidemark?), or choose a port: "
            f"tidemark serve --port {port + 1 if port < 65535 else 8000}.",  # noqa: PLR2004
        )
    if refused.errno == errno.EACCES:
        return InvalidSetting(
            f"Port {port} on {host} may not be used by this user.",
            remedy="Choose a port from 1024 on with --port or TIDEMARK_PORT.",
        )
    return InvalidSetting(
        f"Tidemark cannot listen on {host}:{port}: {refused.strerror}.",
        remedy="Choose another address or port with --host and --port.",
    )


def _greeting(app: FastAPI, settings: Settings, port: int) -> str:
    """Where Tidemark is; and while others can reach it and nobody administers it, how to come in.

    Until somebody has, nothing else is served: see `AdministratorFirst`.
    """
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{port}"
    said = f"Tidemark serves on {address}"
    services: Services = app.state.services
    if not services.callers.asks:
        return said
    # What stands for every address of this machine is none that others could open.
    named = f"http://{socket.gethostname()}:{port}" if host in {"0.0.0.0", "[::]"} else address  # noqa: S104
    shown = settings.public_url or named
    if not shown.startswith("https://"):
        said += (
            "\nWarning: passwords and documents travel unencrypted. Put a proxy with TLS before it,"
            " and name its address in TIDEMARK_PUBLIC_URL."
        )
    if not services.users.any_administrator():
        link = f"{shown}/welcome?token={services.welcomes.begin()}"
        said += (
            "\nNothing is served until there is an administrator. Become it within the hour, at\n"
            f"{link}\nor run `tidemark user create NAME --administrator`."
        )
    return said


async def _serve(
    app: FastAPI, server: uvicorn.Server, listener: socket.socket, settings: Settings
) -> None:
    """The app's life: it opens, listens until a signal comes, and closes.

    uvicorn would run the lifespan by itself, show a trace when it fails, and not close it at a
    second Ctrl-C: the worker would be left running.
    """
    import asyncio

    host = settings.host
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    def drain() -> None:
        """A proxy that is told by /health/ready sends new requests elsewhere, before it is late."""
        app.state.draining.begun = True
        asked_politely = INTERRUPTS.exit_code is ExitCode.TERMINATED
        if asked_politely and settings.drain_seconds:
            loop.call_soon_threadsafe(loop.call_later, settings.drain_seconds, stop)
        else:
            stop()

    async with app.router.lifespan_context(app):
        INTERRUPTS.on_first = drain
        try:
            await server.serve([listener])
        except OSError as refused:  # another process was quicker between bind and listen
            raise port_refused(refused, host, listener.getsockname()[1]) from refused
        say("Stopping.")


def _server(app: FastAPI, settings: Settings, greeting: str) -> uvicorn.Server:
    """uvicorn, saying `greeting` when it listens, without what it does beside serving."""
    from app.web.server import Server as EndingStreams
    from app.web.server import config_of

    class Server(EndingStreams):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            say(greeting)

        # Who asks to stop is heard by INTERRUPTS.
        def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
            return nullcontext()

    config = config_of(app, settings)
    config.timeout_graceful_shutdown = SECONDS_TO_FINISH
    return Server(config)


def _ended() -> None:
    """Being asked to stop is how these commands end; only Ctrl-C is told apart."""
    stopped = INTERRUPTS.exit_code
    raise typer.Exit(ExitCode.DONE if stopped is ExitCode.TERMINATED else stopped)
