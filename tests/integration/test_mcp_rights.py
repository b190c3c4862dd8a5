"""Who may call which of the MCP server's tools: the same rule for each tool, from the tool list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from app.access.keys import NewKey
from app.access.rights import Right, Role, Scope
from app.config import Settings
from app.services import Services
from tests.integration.parts import MortalWorker, Uploader, strangers_asked
from tests.server import application, client, served

SECRET = "quartermaster"
REFUSED, HIDDEN, PASSED = "refused", "hidden", "passed"


@dataclass(frozen=True)
class Place:
    """A knowledge base that calls are about."""

    name: str
    id: int
    document_id: int


class Rule(NamedTuple):
    """What a tool needs, and what it is called with."""

    right: Right
    arguments: Callable[[Place], Mapping[str, Any]]


RULES = {
    "search": Rule(Right.READ, lambda place: {"query": "rum", "knowledge_base": place.name}),
    "read_passage": Rule(Right.READ, lambda place: {"document_id": place.document_id}),
    "list_documents": Rule(Right.READ, lambda place: {"knowledge_base": place.name}),
    "ask": Rule(
        Right.ASK, lambda place: {"question": "Who keeps it?", "knowledge_base": place.name}
    ),
}
EACH_TOOL = pytest.mark.parametrize("tool", RULES)


def fill(services: Services, content: str) -> Place:
    base = services.knowledge_bases.create(f"mcp-{uuid4().hex[:12]}")
    receipt = Uploader(services, base).upload("guide.md", content)
    MortalWorker(services, base).drain()
    return Place(base.name, base.id, receipt.document_id)


@pytest.fixture(scope="module")
def mcp(settings: Settings, services: Services) -> Iterator[httpx.Client]:
    """A Tidemark that others can reach."""
    strict = strangers_asked(services)
    with served(application(settings, strict)) as address, client(address) as http:
        yield http


@pytest.fixture(scope="module")
def hidden(services: Services) -> Place:
    return fill(services, f"The {SECRET} keeps the rum.")


@pytest.fixture(scope="module")
def shown(services: Services) -> Place:
    return fill(services, "The tide turns at noon.")


def key(services: Services, *scopes: Scope, **bound: Any) -> dict[str, str]:
    _, secret = services.keys.create(NewKey("mcp", frozenset(scopes), **bound))
    return {"authorization": f"Bearer {secret}"}


def rpc(mcp: httpx.Client, method: str, headers: Mapping[str, str], **params: Any) -> Any:
    accepted = {"accept": "application/json, text/event-stream", **headers}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return mcp.post("/mcp", json=body, headers=accepted)


def outcome(
    mcp: httpx.Client, tool: str, place: Place, headers: Mapping[str, str]
) -> tuple[str, str]:
    arguments = RULES[tool].arguments(place)
    reply = rpc(mcp, "tools/call", headers, name=tool, arguments=arguments)
    assert reply.status_code == 200, reply.text
    result = reply.json()["result"]
    if not result["isError"]:
        return PASSED, reply.text
    said = result["content"][0]["text"]
    return (HIDDEN if "There is no " in said else REFUSED), said


def test_each_tool_has_a_rule_here(mcp: httpx.Client, services: Services) -> None:
    listed = rpc(mcp, "tools/list", key(services, Scope.READ)).json()["result"]["tools"]
    assert {tool["name"] for tool in listed} == set(RULES), (
        "Say what each tool of the MCP server needs, in RULES: the tests here hold it to that."
    )


@EACH_TOOL
def test_nobody_in_particular_calls_any(mcp: httpx.Client, hidden: Place, tool: str) -> None:
    arguments = RULES[tool].arguments(hidden)
    for headers in ({}, {"authorization": "Bearer tm-wrong"}, {"cookie": "tidemark=wrong"}):
        reply = rpc(mcp, "tools/call", headers, name=tool, arguments=arguments)
        assert reply.status_code == 401
        assert SECRET not in reply.text


@EACH_TOOL
def test_a_key_of_one_scope_gets_what_it_is_for(
    mcp: httpx.Client, services: Services, shown: Place, tool: str
) -> None:
    for scope in Scope:
        headers = key(services, scope, knowledge_bases=frozenset({shown.id}))
        became, said = outcome(mcp, tool, shown, headers)
        assert became == (PASSED if scope is RULES[tool].right.scope else REFUSED), said


def test_a_further_knowledge_base_that_a_key_is_not_bound_to_is_not_there(
    mcp: httpx.Client, services: Services, hidden: Place, shown: Place
) -> None:
    headers = key(services, *Scope, knowledge_bases=frozenset({shown.id}))
    said = []
    for name in (hidden.name, "mcp-nowhere"):
        arguments = {"question": "rum", "knowledge_base": shown.name, "further": [name]}
        reply = rpc(mcp, "tools/call", headers, name="ask", arguments=arguments).json()["result"]
        assert reply["isError"]
        said.append(reply["content"][0]["text"].replace(name, ""))
    assert said[0] == said[1]


@EACH_TOOL
def test_what_a_key_is_not_bound_to_is_not_there(
    mcp: httpx.Client, services: Services, hidden: Place, shown: Place, tool: str
) -> None:
    headers = key(services, *Scope, knowledge_bases=frozenset({shown.id}))
    became, said = outcome(mcp, tool, hidden, headers)
    assert became == HIDDEN
    assert SECRET not in said
    nowhere = Place("mcp-nowhere", 999_999_999, 999_999_999)
    unknown = outcome(mcp, tool, nowhere, headers)[1]
    assert said.replace(hidden.name, "").replace(str(hidden.document_id), "") == unknown.replace(
        nowhere.name, ""
    ).replace(str(nowhere.document_id), "")


@EACH_TOOL
def test_a_key_of_every_scope_that_is_bound_to_nothing_gets_everything(
    mcp: httpx.Client, services: Services, hidden: Place, tool: str
) -> None:
    assert outcome(mcp, tool, hidden, key(services, *Scope))[0] == PASSED


@EACH_TOOL
def test_a_users_key_does_what_the_users_role_says(
    mcp: httpx.Client, services: Services, hidden: Place, shown: Place, tool: str
) -> None:
    user = services.users.create(f"somebody-{uuid4().hex[:8]}", "a few words will do")
    headers = key(services, *Scope, user_id=user.id)
    for role in (None, *Role):
        services.users.grant(user.id, shown.id, role)
        granted = role is not None and role >= RULES[tool].right.role
        became, said = outcome(mcp, tool, shown, headers)
        assert became == (PASSED if granted else HIDDEN), said
        became, said = outcome(mcp, tool, hidden, headers)
        assert (became, SECRET in said) == (HIDDEN, False)
    services.users.set_disabled(user.id, disabled=True)
    assert rpc(mcp, "tools/list", headers).status_code == 401


def test_the_default_knowledge_base_and_the_list_are_of_what_may_be_seen(
    mcp: httpx.Client, services: Services, hidden: Place, shown: Place
) -> None:
    headers = key(services, Scope.READ, knowledge_bases=frozenset({shown.id}))
    call = {"name": "list_documents", "arguments": {}}
    found = rpc(mcp, "tools/call", headers, **call).json()["result"]["structuredContent"]
    assert (found["knowledge_base"], found["knowledge_bases"]) == (shown.name, [shown.name])
    assert hidden.name not in str(found)
