"""Requests to any route about a knowledge base, seen or not, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import text

from app.access.callers import Caller
from app.access.digest import digest
from app.access.keys import NewKey
from app.access.rights import Right, Scope
from app.answering.conversation import NewTurn, Turn
from app.documents.model import KnowledgeBase
from app.services import Services
from tests.integration.parts import Uploader
from tests.integration.v1 import MODEL
from tests.routes import Registered

SECRET = "quartermaster"
"""A word that stands in what may not be seen, and in no request."""

UNKNOWN, REFUSED, HIDDEN, PASSED = "unknown", "refused", "hidden", "passed"
MISSING = frozenset(
    {
        "knowledge_base_not_found",
        "document_not_found",
        "job_not_found",
        "index_not_found",
        "conversation_not_found",
    }
)


@dataclass(frozen=True)
class Place:
    """A knowledge base with something in it, which requests are about."""

    base: KnowledgeBase
    document_id: int
    job_id: int
    turn: Turn
    services: Services

    @property
    def index_id(self) -> int:
        """Its index, which its first ingest would make."""
        recipe = self.services.changeover.recipes.of_settings()
        function = self.services.embedder.function
        return self.services.indexes.ensure(self.base.id, recipe, function).id

    @property
    def deleted_id(self) -> int:
        """A document of it that was deleted."""
        document_id = Uploader(self.services, self.base).upload("gone.md", SECRET).document_id
        self.services.deletion.delete(document_id)
        return document_id

    @property
    def parts(self) -> dict[str, str]:
        """What stands in addresses, by the name of the part."""
        return {
            "name": self.base.name,
            "document_id": str(self.document_id),
            "job_id": str(self.job_id),
            "question_id": "1",
            "evaluation_id": "1",
            "search_id": "1",
            "conversation_id": str(self.turn.conversation_id),
            "turn_id": str(self.turn.id),
            "token": "no-such-link",
            "user_id": "999999999",
        }


@dataclass(frozen=True)
class Nowhere(Place):
    """One that does not exist, of ids as long as those that do."""

    index_id: int = 999_999_999
    deleted_id: int = 999_999_999


def fill(services: Services, content: str = "The tide turns at noon.") -> Place:
    base = services.knowledge_bases.create(f"rights-{uuid4().hex[:12]}")
    receipt = Uploader(services, base).upload(f"{SECRET}.md", content)
    assert receipt.job_id is not None
    asked = NewTurn(f"Where is the {SECRET}?", "", 8)
    turn = services.conversations.begin(digest("nobody"), base, asked)
    services.turns.finish(turn.id, "stopped", [("stopped", "{}")], None)
    return Place(base, receipt.document_id, receipt.job_id, turn, services)


def key(services: Services, *scopes: Scope, bases: tuple[int, ...] | None = None) -> dict[str, str]:
    """The headers of a new key."""
    bound = None if bases is None else frozenset(bases)
    _, secret = services.keys.create(NewKey("test", frozenset(scopes), bound))
    return {"authorization": f"Bearer {secret}"}


def give(place: Place, headers: Mapping[str, str]) -> None:
    """Make the place's conversation the caller's own: then its knowledge base alone decides."""
    services, caller = place.services, None
    if secret := headers.get("authorization", "").removeprefix("Bearer "):
        key = services.keys.found(secret)
        caller = Caller("", None, key=key) if key else None
    elif token := headers.get("cookie", "").removeprefix("tidemark="):
        found = services.sessions.found(token)
        caller = Caller("", None, user=found[0]) if found else None
    if caller is None or caller.identity is None:
        return
    owned = {"owner": digest(caller.identity), "id": place.turn.conversation_id}
    with services.database.engine.begin() as connection:
        connection.execute(text("UPDATE conversations SET owner = :owner WHERE id = :id"), owned)


def outcome(
    http: httpx.Client, route: Registered, place: Place, headers: Mapping[str, str]
) -> tuple[str, str]:
    """What became of a request that has all a route could ask for; and the reply's text."""
    give(place, headers)
    return sent(http, route, request_of(route, place), headers)


def request_of(route: Registered, place: Place) -> dict[str, Any]:
    """A request about the place that has all a route could ask for."""
    chat = f"tidemark/{place.base.name}"
    parts = place.parts | ({"name": chat} if route.openai else {})
    if "{index_id}" in route.path:  # only then: making an index is making tables
        parts["index_id"] = str(place.index_id)
    if "{deleted_id}" in route.path:
        parts["deleted_id"] = str(place.deleted_id)
    address = re.sub(r"{(\w+)(:path)?}", lambda m: parts[m[1]], route.path)
    body: dict[str, object] = {}
    if route.openai and route.method == "POST":
        model = MODEL if route.right is Right.EMBED else chat
        body["json"] = {
            "model": model,
            "input": "tide",
            "messages": [{"role": "user", "content": "tide"}],
        }
    elif route.method == "POST" and (not route.path.startswith("/api/") or "documents" in address):
        form = {
            "knowledge-base": place.base.name,
            "document": str(place.document_id),
            "job": str(place.job_id),
            "action": "pause",
            "do": "revert",
            "q": "tide",
            "quote": "The tide",
            "question": "1",
            "search": "1",
            "turn": str(place.turn.id),
            "conversation": str(place.turn.conversation_id),
            "passage": "0",
        }
        if route.path == "/documents/deleted":
            form["deleted"] = str(place.deleted_id)
        body |= {"data": form, "files": {"files": ("a.md", b"Text.")}}
    elif route.method in {"POST", "PUT", "PATCH"}:
        body["json"] = {"name": f"made-{uuid4().hex[:12]}", "question": "tide"}
    query = {"q": "tide", "knowledge-base": place.base.name, "document": place.document_id}
    return {"method": route.method, "url": address, "params": query, **body}


def sent(
    http: httpx.Client, route: Registered, request: Mapping[str, Any], headers: Mapping[str, str]
) -> tuple[str, str]:
    with http.stream(headers={**headers, "accept": "*/*"}, **request) as reply:
        stream = reply.headers.get("content-type", "").startswith("text/event-stream")
        text = next(reply.iter_text()) if stream else reply.read().decode("utf-8", "replace")
        return _classified(reply.status_code, text), text


def _classified(status: int, text: str) -> str:
    assert status < 500, text
    found = re.search(r'"code":\s*"(\w+)"', text)
    code = found[1] if found and status >= 400 else ""
    if status == 401:
        return UNKNOWN
    if status == 403:
        assert code in {"not_allowed", "insufficient_permissions"}, text
        return REFUSED
    if code == "conversation_not_found" and ("link" in text or "There is no turn" in text):
        return PASSED  # no such link, or nothing to keep of that turn: everybody is told so
    return HIDDEN if code in MISSING or code == "model_not_found" else PASSED
