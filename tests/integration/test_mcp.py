"""The MCP server, through the SDK's own client: over HTTP, and as a program over stdio."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from sqlalchemy import text

from app.access.keys import NewKey
from app.access.rights import Scope
from app.config import Settings
from app.services import Services
from tests.integration.parts import MortalWorker, SearchableBase, Uploader
from tests.tasks import finished

GUIDE = (
    "# Harbour\n\nThe harbour opens at six.\n\n# Tides\n\nThe tide turns at noon.\n\n"
    "# Seals\n\nSeals sleep on the sandbank.\n"
)
QUESTION = "When does the tide turn?"

Result = TypeVar("Result")

# Its handshake with servers of older versions is told of as deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def with_client(
    server: str | StdioServerParameters | Any, use: Callable[[Client], Awaitable[Result]]
) -> Result:
    async def run() -> Result:
        # A transport is opened on the event loop that it is used on.
        async with Client(server() if callable(server) else server) as client:
            return await use(client)

    return finished(run())


@asynccontextmanager
async def keyed(address: str, secret: str) -> AsyncIterator[Any]:
    """The way to a server for whoever has this key."""
    headers = {"authorization": f"Bearer {secret}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False) as http_client,
        streamable_http_client(address, http_client=http_client) as streams,
    ):
        yield streams


def called(server: Any, tool: str, **arguments: Any) -> Any:
    """What a tool gives, which must not be an error."""
    result = with_client(server, lambda client: client.call_tool(tool, arguments))
    assert not result.is_error, result.content
    return result.structured_content


def refused(server: Any, tool: str, **arguments: Any) -> str:
    """The words in which a tool refuses."""
    result = with_client(server, lambda client: client.call_tool(tool, arguments))
    assert result.is_error, result.structured_content
    return str(result.content[0].text)


@pytest.fixture
def mcp(address: str) -> str:
    return f"{address}/mcp"


@pytest.fixture
def base(uploader: Uploader, worker: MortalWorker, knowledge_base: SearchableBase) -> str:
    uploader.upload("guide.md", GUIDE)
    worker.drain()
    return knowledge_base.base.name


def test_the_tools_are_listed_with_what_they_take_and_only_read(mcp: str) -> None:
    tools = with_client(mcp, lambda client: client.list_tools()).tools
    assert {tool.name for tool in tools} == {"search", "read_passage", "list_documents", "ask"}
    for tool in tools:
        assert tool.description
        assert tool.annotations
        assert tool.annotations.read_only_hint
        assert "context" not in tool.input_schema["properties"]
        assert tool.output_schema


def test_a_passage_is_found_and_read_with_its_surroundings(
    mcp: str, base: str, address: str, http: httpx.Client
) -> None:
    found = called(mcp, "search", query=QUESTION, knowledge_base=base, top_k=1)
    (passage,) = found["passages"]
    assert "The tide turns at noon." in passage["text"]
    assert (passage["document"], passage["section"]) == ("guide.md", "Tides")
    assert passage["url"].startswith(f"{address}/documents/")
    assert "<mark" in http.get(passage["url"]).text
    place = {name: passage[name] for name in ("document_id", "revision_id", "start", "end")}
    alone = called(mcp, "read_passage", **place, around=0)
    assert alone["text"] == passage["text"]
    more = called(mcp, "read_passage", **place)
    assert "opens at six" in more["text"]
    assert "sandbank" in more["text"]
    assert {"Harbour", "Tides", "Seals"} == set(more["sections"])
    whole = called(mcp, "read_passage", document_id=passage["document_id"])
    assert len(whole["text"]) == whole["characters"] == more["characters"]


def test_documents_are_listed_with_the_knowledge_bases(mcp: str, base: str) -> None:
    listed = called(mcp, "list_documents", knowledge_base=base)
    assert [document["document"] for document in listed["documents"]] == ["guide.md"]
    assert listed["count"] == 1
    assert base in listed["knowledge_bases"]
    assert called(mcp, "list_documents", knowledge_base=base, name_contains="x")["count"] == 0


def test_an_answer_cites_the_words_that_it_rests_on(mcp: str, base: str) -> None:
    answer = called(mcp, "ask", question=QUESTION, knowledge_base=base)
    assert "The tide turns at noon. [1]" in answer["text"]
    assert answer["unsupported"] == 0
    (source,) = [source for source in answer["sources"] if source["number"] == 1]
    assert source["document"] == "guide.md"
    assert GUIDE[source["start"] : source["end"]] == source["quote"] == "The tide turns at noon."


def test_several_knowledge_bases_are_asked_at_once(mcp: str, base: str, services: Services) -> None:
    other = services.knowledge_bases.create("mcp-further")
    Uploader(services, other).upload("ships.md", "Ships sail when the tide turns, at dusk.")
    MortalWorker(services, other).drain()
    answer = called(mcp, "ask", question=QUESTION, knowledge_base=base, further=[other.name])
    assert {base, other.name} == {source["knowledge_base"] for source in answer["sources"]}
    told = refused(mcp, "ask", question=QUESTION, knowledge_base=base, further=["nowhere"])
    assert "no knowledge base" in told


def test_what_is_not_there_or_cannot_be_asked_is_told_in_words(mcp: str, base: str) -> None:
    assert "no knowledge base" in refused(mcp, "search", query="a", knowledge_base="nowhere")
    assert "no document 999" in refused(mcp, "read_passage", document_id=999)
    assert "empty" in refused(mcp, "ask", question=" ", knowledge_base=base)
    assert refused(mcp, "search", query="a", top_k=0)


def test_a_key_opens_only_what_it_is_for(
    mcp: str, base: str, services: Services, http: httpx.Client
) -> None:
    hidden = services.knowledge_bases.create("mcp-hidden")
    shown = services.knowledge_bases.get(base)
    _, secret = services.keys.create(NewKey("mcp", frozenset({Scope.READ}), frozenset({shown.id})))
    try:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        unknown = http.post("/mcp", json=body)
        assert unknown.status_code == 401
        assert unknown.headers["www-authenticate"] == "Bearer"
        assert http.post("/mcp", json=body, headers={"x-api-key": "wrong"}).status_code == 401
        server = functools.partial(keyed, mcp, secret)
        assert called(server, "list_documents")["knowledge_bases"] == [base]
        assert "no knowledge base" in refused(
            server, "search", query="a", knowledge_base=hidden.name
        )
        assert "scope" in refused(server, "ask", question=QUESTION, knowledge_base=base)
    finally:
        with services.database.engine.begin() as connection:
            connection.execute(text("DELETE FROM api_keys"))  # others need none again


def test_a_page_of_another_site_is_refused(http: httpx.Client) -> None:
    reply = http.post("/mcp", json={}, headers={"origin": "https://elsewhere.example"})
    assert reply.status_code == 403


@pytest.mark.slow
def test_the_program_serves_over_stdio(settings: Settings, base: str, tmp_path: Path) -> None:
    assert settings.tidb_database_url is not None
    program = StdioServerParameters(
        command=str(Path(sys.executable).with_name("tidemark")),
        args=["mcp"],
        cwd=tmp_path,
        env={
            **os.environ,
            "TIDB_DATABASE_URL": settings.tidb_database_url.get_secret_value(),
            "TIDEMARK_CACHE_DIR": str(settings.cache_dir),
        },
    )

    async def use(client: Client) -> tuple[Any, Any]:
        return (
            await client.call_tool("search", {"query": QUESTION, "knowledge_base": base}),
            await client.call_tool("ask", {"question": QUESTION, "knowledge_base": base}),
        )

    found, answer = with_client(program, use)
    assert "tide turns" in found.structured_content["passages"][0]["text"]
    assert "The tide turns at noon. [1]" in answer.structured_content["text"]
