"""Secrets are planted where they are used, and looked for wherever somebody may read."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import URL, text

from app.access.keys import NewKey
from app.access.rights import Scope
from app.answering.prompt import Message
from app.config import Settings, shown_settings
from app.embedding.making import make_embedder
from app.errors import ProviderError
from app.main import create_app
from app.services import Services
from tests.fake_chat import FakeChat, chatting
from tests.fake_provider import FakeProvider, serving
from tests.integration.parts import MortalWorker, Uploader, opened, unheard
from tests.routes import Registered, registered
from tests.server import application, client, served

MARK = "planted"
HTML = {"accept": "text/html"}


def planted(where: str) -> str:
    return f"sk-{MARK}-{where}-{uuid4().hex}"


class Overheard(logging.Handler):
    """Every line that is logged, by whatever library, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter("%(name)s %(message)s").format(record))


@contextmanager
def overheard() -> Iterator[Overheard]:
    root, ear = logging.getLogger(), Overheard()
    before = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        yield ear
    finally:
        root.removeHandler(ear)
        root.setLevel(before)


@pytest.fixture(scope="module")
def secret_url(database_url: URL, services: Services) -> Iterator[URL]:
    """The module's TiDB, by a user of its own with a password."""
    name, password = f"p{uuid4().hex[:12]}", planted("database")
    with services.database.engine.begin() as connection:
        connection.execute(text(f"CREATE USER '{name}'@'%' IDENTIFIED BY '{password}'"))
        connection.execute(text(f"GRANT ALL ON {database_url.database}.* TO '{name}'@'%'"))
    yield database_url.set(username=name, password=password)
    with services.database.engine.begin() as connection:
        connection.execute(text(f"DROP USER '{name}'@'%'"))


@pytest.fixture(scope="module")
def careless(settings: Settings, secret_url: URL) -> Iterator[Services]:
    """Services whose models' providers repeat the key that they are shown, in what they refuse."""
    provider, chat = FakeProvider("openai", key="another"), FakeChat(key="another")
    with serving(provider), chatting(chat):
        chosen = settings.model_copy(
            update={
                "tidb_database_url": SecretStr(secret_url.render_as_string(hide_password=False)),
                "embedding_model": "openai/text-embedding-3-small",
                "embedding_api_base": provider.api_base,
                "embedding_api_key": SecretStr(planted("embedding")),
                "embedding_dimensions": 64,
                "chat_model": "openai/gpt-4o-mini",
                "chat_api_base": chat.api_base,
                "chat_api_key": SecretStr(planted("chat")),
                "rerank_model": "endpoint/rerank",
                "rerank_api_base": provider.api_base,
                "rerank_api_key": SecretStr(planted("rerank")),
                "openid_issuer": "http://127.0.0.1:9",
                "openid_client_id": "tidemark",
                "openid_client_secret": SecretStr(planted("openid")),
            }
        )
        with opened(chosen, make_embedder(chosen, unheard)) as services:
            yield services
    assert provider.requests, "no key was shown to the embedding endpoint"
    assert chat.keys, "no key was shown to the chat endpoint"


ROUTES = list(registered(create_app(Settings(_env_file=None), worker=False)))


def ask(http: httpx.Client, route: Registered, parts: dict[str, str], **headers: str) -> str:
    """The whole reply to a request that has what a route could ask for, headers included."""
    address = re.sub(r"{(\w+)(:path)?}", lambda m: parts[m[1]], route.path)
    base = parts["name"].removeprefix("tidemark/")
    sent: dict[str, object] = {}
    if route.method in {"POST", "PUT", "PATCH"}:
        chat = route.path.startswith(("/v1/chat", "/v1/responses"))
        sent["json"] = {
            "model": f"tidemark/{base}" if chat else "text-embedding-3-small",
            "input": "tide",
            "query": "tide",
            "documents": ["tide"],
            "messages": [{"role": "user", "content": "tide"}],
            "question": "tide",
            "name": f"made-{uuid4().hex[:12]}",
        }
        if not route.openai and not route.path.startswith("/api/"):
            sent = {"data": {"knowledge-base": base, "name": "x", "password": "y", "scope": "read"}}
    query = {"q": "tide", "knowledge-base": base}
    with http.stream(route.method, address, params=query, headers=headers, **sent) as reply:  # type: ignore[arg-type]
        stream = reply.headers.get("content-type", "").startswith("text/event-stream")
        said = next(reply.iter_text(), "") if stream else reply.read().decode("utf-8", "replace")
        return f"{reply.headers} {said}"


def test_no_page_reply_log_or_row_has_a_secret(settings: Settings, careless: Services) -> None:
    base = careless.knowledge_bases.create(f"careless-{uuid4().hex[:8]}")
    receipt = Uploader(careless, base).upload("guide.md", "The tide turns at noon.")
    _, secret = careless.keys.create(NewKey("program", frozenset(Scope)))
    password = planted("password")
    user = careless.users.create(f"ann-{uuid4().hex[:8]}", password, administrator=True)
    session = careless.sessions.begin(user.id)
    strict = replace(careless, callers=replace(careless.callers, asks=True))
    parts = {
        "name": base.name,
        "document_id": str(receipt.document_id),
        "job_id": str(receipt.job_id),
        "user_id": str(user.id),
        "token": "none",
        **dict.fromkeys(
            ("index_id", "question_id", "evaluation_id", "conversation_id", "turn_id"), "1"
        ),
    }
    said: dict[str, str] = {}
    with overheard() as ear:
        MortalWorker(careless, base).drain()
        assert careless.generator is not None
        with pytest.raises(ProviderError) as refused:
            list(careless.generator.stream([Message("user", "When does the tide turn?")]))
        said["the chat model"] = f"{refused.value.message} {refused.value.remedy}"
        with served(application(careless.settings, careless)) as address, client(address) as http:
            for route in ROUTES:
                where = {**parts, "name": f"tidemark/{base.name}"} if route.openai else parts
                if route.method == "DELETE" or "delet" in route.path:
                    continue  # what they would tell of is needed by the others
                said[str(route)] = ask(http, route, where, authorization=f"Bearer {secret}")
                if route.method == "GET" and not route.openai:
                    said[f"{route} as a page"] = ask(http, route, where, **HTML)
        with served(application(settings, strict)) as address, client(address) as http:
            http.headers["origin"] = address
            for given in ("wrong " + password, password):
                form = {"name": user.name, "password": given}
                said[f"signing in with {given}"] = http.post("/sign-in", data=form).text
            wrong = {"authorization": f"Bearer {secret}x"}
            said["a wrong key"] = http.get("/v1/models", headers=wrong).text
            said["the provider"] = http.get("/sign-in/openid", headers=HTML).text
    said["the log"] = "\n".join(ear.lines)
    said["the settings"] = f"{careless.settings!r} {shown_settings(careless.settings)}"
    said["the services"] = repr(careless)
    said |= rows(careless)
    hidden = (MARK, secret, secret[8:], session)
    assert [(where, one) for where, told in said.items() for one in hidden if one in told] == []
    assert "Incorrect API key provided" in "".join(said.values()), "no provider was careless"


def rows(services: Services) -> dict[str, str]:
    """Everything that is stored, by table."""
    with services.database.engine.connect() as connection:
        tables = [row[0] for row in connection.execute(text("SHOW TABLES"))]
        return {
            f"table {name}": str(list(connection.execute(text(f"SELECT * FROM `{name}`"))))  # noqa: S608
            for name in tables
        }
