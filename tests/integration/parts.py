"""What tests of the whole way work with: a knowledge base, its uploader, and a worker that dies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import httpx
from sqlalchemy import text

from app.composition import compose
from app.config import Settings
from app.database.capabilities import probe
from app.database.connection import Database
from app.database.migrations import migrate
from app.database.tables import now
from app.documents.model import KnowledgeBase
from app.embedding.embedder import Embedder
from app.indexes.index import Index, IndexState
from app.indexes.recipe import Recipe
from app.indexes.standing import Standing, holdings
from app.ingestion.clearing import Clearing
from app.ingestion.ingest import Progress
from app.ingestion.job import Job
from app.ingestion.leases import Claim
from app.ingestion.publication import Publication
from app.ingestion.uploads import Receipt
from app.ingestion.worker import BYTES_AT_ONCE, JOBS_AT_ONCE
from app.retrieval.passage import Retrieval
from app.retrieval.query import Query
from app.services import Services

QUESTION = "when does the tide turn"


def long_text(paragraphs: int) -> str:
    """Paragraphs that make a chunk each."""
    return "\n\n".join(f"At buoy {n} the tide turns later than at noon." for n in range(paragraphs))


def meanwhile(work: Callable[[], None]) -> None:
    """Do something on another thread, as another process would: out of any transaction here."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def check(reply: httpx.Response, status: int, code: str | None = None) -> str:
    """The reply is that error, in the one shape; gives its message."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json()["error"]) == {"code", "message", "remedy"}
    error = reply.json()["error"]
    assert all(isinstance(value, str) and value for value in error.values()), error
    assert code in {None, error["code"]}
    assert "Traceback" not in reply.text
    message: str = error["message"]
    return message


def unheard(sentence: str) -> None:
    """Nobody listens to what takes long."""


@contextmanager
def opened(settings: Settings, embedder: Embedder) -> Iterator[Services]:
    """The services on the settings' TiDB, with an embedder that is loaded already."""
    assert settings.tidb_database_url is not None
    with ExitStack() as stack:
        database = Database.connect(settings.tidb_database_url.get_secret_value())
        stack.callback(database.dispose)
        capabilities = probe(database)
        migrate(database)
        services = compose(settings, database, capabilities, embedder, unheard)
        stack.callback(services.close)
        yield services


def strangers_asked(services: Services) -> Services:
    """The services of a Tidemark that others can reach; one that somebody administers."""
    if not services.users.any_administrator():
        services.users.create("the first", "a few words will do", administrator=True)
    return replace(services, callers=replace(services.callers, asks=True))


@dataclass(frozen=True)
class Found:
    retrieval: Retrieval

    def texts(self) -> list[str]:
        return [passage.text for passage in self.retrieval.passages]

    def names(self) -> list[str]:
        return [passage.document_name for passage in self.retrieval.passages]


@dataclass(frozen=True)
class SearchableBase:
    services: Services
    base: KnowledgeBase

    def search(self, question: str, *documents: int, top_k: int = 10) -> Found:
        query = Query(question, documents)
        return Found(self.services.retriever.retrieve(self.base, query, top_k))

    def rows(self, table: str, where: str = "1 = 1") -> int:
        """How many rows a table has; `{index}` in its name is the knowledge base's index."""
        index = self.services.indexes.active(self.base.id)
        name = table.format(index=index.id if index else 0)
        return self.execute(f"SELECT COUNT(*) FROM {name} WHERE {where}")[0][0]  # noqa: S608

    def execute(self, statement: str) -> list[Any]:
        with self.services.database.engine.begin() as connection:
            done = connection.execute(text(statement))
            return list(done) if done.returns_rows else []


@dataclass(frozen=True)
class Uploader:
    services: Services
    base: KnowledgeBase

    def upload(self, name: str, content: str | bytes) -> Receipt:
        data = content.encode() if isinstance(content, str) else content
        return self.services.uploads.receive(self.base, name, [data])


class Unpublished(Publication):
    """Stages chunks, and never lets readers see them."""

    def publish(
        self,
        index: Index,
        claim: Claim,
        chunks: dict[Job, int],
        beside: Mapping[int, Collection[int]] = MappingProxyType({}),
    ) -> None:
        pass


@dataclass(frozen=True)
class MortalWorker:
    """A worker on the calling thread, which can be made to die."""

    services: Services
    base: KnowledgeBase

    def drain(self) -> None:
        self.services.worker().drain()

    def take(self) -> Claim:
        claim = self.services.jobs.claim(JOBS_AT_ONCE, BYTES_AT_ONCE)
        assert claim is not None
        return claim

    def run(self, claim: Claim) -> None:
        self.services.ingest.run(claim, Progress())

    def run_until(self, stage: str) -> Claim:
        """Work until all chunks are stored, then die: its lease has run out when this returns."""
        assert stage == "embedded"
        claim = self.take()
        ingest = replace(self.services.ingest, publication=Unpublished(self.services.database))
        ingest.run(claim, Progress())
        self.fall_silent(claim)
        return claim

    def fall_silent(self, claim: Claim) -> None:
        """Let so much time pass that others may take the claim's jobs."""
        self._let_pass(f"UPDATE jobs SET lease_until = :past WHERE owner = '{claim.owner}'")  # noqa: S608

    def wait_out_pauses(self) -> None:
        """Let so much time pass that jobs which wait before another attempt are ready."""
        self._let_pass("UPDATE jobs SET not_before = :past")

    def clear(self) -> None:
        """Clear at once what is otherwise kept for a minute."""
        Clearing(self.services.database, grace=timedelta(seconds=-1)).clear()

    def _let_pass(self, statement: str) -> None:
        with self.services.database.engine.begin() as connection:
            connection.execute(text(statement), {"past": now() - timedelta(seconds=1)})


class Indexes:
    """The indexes of a test's knowledge base."""

    def __init__(self, knowledge_base: SearchableBase) -> None:
        self.knowledge_base = knowledge_base
        self.services = knowledge_base.services
        self.id = knowledge_base.base.id

    def start(self, recipe: Recipe) -> Index:
        return self.services.builds.start(self.id, recipe)

    def state(self, index: Index) -> IndexState:
        return self.services.indexes.get(self.id, index.id).state

    def active(self) -> int:
        index = self.services.indexes.active(self.id)
        assert index is not None
        return index.id

    def promote(self, index: Index) -> None:
        self.services.switch.promote(self.id, index.id)

    def found(self, index: Index, question: str = QUESTION) -> list[str]:
        retrieval = self.services.retriever.retrieve_from(index, Query(question), 10)
        return sorted(passage.text for passage in retrieval.passages)

    def same_as_documents(self, index: Index) -> bool:
        database = self.services.database
        return database.transaction(
            lambda s: holdings(s, [index.id])[index.id].live == Standing.of_base(s, self.id)
        )
