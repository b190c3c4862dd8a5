"""`mcp`: the MCP server over stdio, for assistants that start it themselves."""

from __future__ import annotations

import typer

from app.cli.opening import open_everything, read_settings


def add_commands(program: typer.Typer) -> None:
    program.command()(mcp)


def mcp() -> None:
    """Serve search, reading and cited answers to an assistant over stdio, as MCP has it.

    The assistant starts this command itself and ends it by closing its input. What Tidemark has to
    say goes to stderr. An assistant that speaks HTTP needs none of this: `tidemark serve` has the
    same at /mcp.
    """
    settings = read_settings()
    import asyncio

    from app.web.mcp.server import Seen, make_server

    pages = f"http://{settings.host}:{settings.port}"
    with open_everything(settings) as services:
        services.first_knowledge_base()
        # Whoever can start a process of ours can read the database by itself.
        server = make_server(lambda _context, _right: Seen(services, pages))
        asyncio.run(server.run_stdio_async())
