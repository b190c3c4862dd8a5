"""`tidemark serve` and its TiDB, killed under load: what was acknowledged is there, and whole."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, NullPool, create_engine

from app.config import Settings
from app.database.embedded import EmbeddedServer, embedded_server_status
from app.database.embedded.access import server_url
from app.database.embedded.folder import ServerFolder
from app.embedding.embedder import Embedder
from app.errors import DocumentNotFound
from app.ingestion.job import JobState
from app.ingestion.wholeness import Wholeness
from app.services import Services
from tests.integration.parts import MortalWorker, SearchableBase, opened, unheard
from tests.integration.stages import Kills, let_leases_end
from tests.killable import begun
from tests.waiting import PATIENCE

CYCLES = int(os.environ.get("TORTURE_CYCLES", "2"))
"""How often something is killed: a few times in the suite, as often as wanted by `make torture`."""
VICTIMS = ("web", "TiDB", "both", "start")
"""What is killed: under load, or both while they start, which is when they make good a crash."""
LONGEST_LOAD = 4.0  # seconds
LONGEST_START = 3.0  # seconds; a start takes about two
DOCUMENTS = 12
DELETED = 0.1  # of all changes
BASE = "/api/knowledge-bases/default"


@dataclass
class Machine:
    """A data folder with a Tidemark and a TiDB of its own, both of which may be killed."""

    data_dir: Path
    cache_dir: Path
    settings: Settings
    embedder: Embedder

    @property
    def told(self) -> Path:
        """What the processes said."""
        return self.data_dir / "told.log"

    @contextmanager
    def serving(self) -> Iterator[tuple[ForkServerProcess, httpx.Client]]:
        """`tidemark serve` with its worker, until it is killed; it may not be ready yet."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = os.environ | {
            "TIDEMARK_DATA_DIR": str(self.data_dir),
            "TIDEMARK_PORT": str(port),
            "TIDEMARK_CHUNK_TOKENS": "16",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        environment.pop("TIDB_DATABASE_URL", None)
        process = begun("serve", environment, self.told)
        address = f"http://127.0.0.1:{port}"
        try:
            with httpx.Client(base_url=address, timeout=PATIENCE, trust_env=False) as http:
                yield process, http
        finally:
            process.kill()
            process.join()

    def wait(self, process: ForkServerProcess, http: httpx.Client) -> None:
        """Return once it is ready."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if http.get("/health/ready").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            assert process.is_alive(), f"tidemark serve ended by itself: {self.told.read_text()}"
            assert time.monotonic() < deadline, "tidemark serve did not become ready"
            time.sleep(0.05)

    @contextmanager
    def services(self) -> Iterator[Services]:
        """Its services in this process; its TiDB is started again if it was killed."""
        server = EmbeddedServer(
            self.data_dir, self.cache_dir, self.settings.tidb_memory_mb, unheard
        )
        with server.acquire() as lease:
            assert lease.damaged_tables == ()
            url = SecretStr(lease.url.render_as_string(hide_password=False))
            chosen = {"tidb_database_url": url, "chunk_tokens": 16}
            with opened(self.settings.model_copy(update=chosen), self.embedder) as services:
                yield services

    def engine(self) -> Engine:
        """Connections to its TiDB, which runs; they don't keep it running."""
        folder = ServerFolder.within(self.data_dir)
        state = folder.state()
        assert state is not None
        return create_engine(server_url(state, folder.password()), poolclass=NullPool)

    def kill(self, victim: str, process: ForkServerProcess, pause: float) -> None:
        """Kill what `victim` names; and in the end `process`, `pause` seconds after its TiDB."""
        pid = embedded_server_status(self.data_dir).pid
        if victim != "web" and pid is not None:  # else it has not been started yet
            os.kill(pid, signal.SIGKILL)
        if victim == "TiDB":
            time.sleep(pause)
        process.kill()


@dataclass
class Changes:
    """Documents that are uploaded, replaced and deleted, one after the other, while one answers."""

    chance: random.Random
    possible: dict[str, list[bytes | None]] = field(default_factory=dict)
    """What a document may be: what was acknowledged last, and all that was sent after that.

    None where it may not be there."""
    _ids: dict[str, int] = field(default_factory=dict)
    _version: int = 0

    def run(self, http: httpx.Client) -> None:
        try:
            while True:
                name = f"note-{self.chance.randrange(DOCUMENTS)}.md"
                if name in self._ids and self.chance.random() < DELETED:
                    self._delete(http, name)
                else:
                    self._upload(http, name)
        except httpx.TransportError:
            return

    def _upload(self, http: httpx.Client, name: str) -> None:
        self._version += 1
        content = "".join(
            f"## Part {part}\n\nIn version {self._version} the tide rose {part} metres.\n\n"
            for part in range(self.chance.randrange(1, 40))
        ).encode()
        self.possible.setdefault(name, [None]).append(content)
        reply = http.post(f"{BASE}/documents", files={"files": (name, content)})
        if reply.status_code == httpx.codes.ACCEPTED:
            self.possible[name] = [content]
            self._ids[name] = reply.json()["files"][0]["document_id"]

    def _delete(self, http: httpx.Client, name: str) -> None:
        self.possible[name].append(None)
        reply = http.delete(f"/api/documents/{self._ids.pop(name)}")
        if reply.status_code == httpx.codes.NO_CONTENT:
            self.possible[name] = [None]

    def kept(self, services: Services, base: SearchableBase) -> bool:
        """Whether every document is what it was acknowledged to be, or something sent later."""
        return all(_newest(services, base, name) in may for name, may in self.possible.items())


def _newest(services: Services, base: SearchableBase, name: str) -> bytes | None:
    """The original of the newest revision, which may wait for its ingest still."""
    try:
        document = services.documents.by_name(base.base.id, name)
    except DocumentNotFound:
        return None
    parts = base.execute(
        "SELECT data FROM blobs WHERE revision_id = (SELECT id FROM revisions "  # noqa: S608
        f"WHERE document_id = {document.id} ORDER BY number DESC LIMIT 1) ORDER BY part"
    )
    return b"".join(part for (part,) in parts)


def test_a_web_process_and_a_tidb_that_are_killed_at_any_moment_lose_and_double_nothing(
    tmp_path: Path,
    cache_dir: Path,
    machine_settings: Settings,
    local_embedder: Embedder,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    machine = Machine(tmp_path, cache_dir, machine_settings, local_embedder)
    sent, kills = Changes(chance), Kills(chance)
    for cycle in range(CYCLES):
        victim = VICTIMS[(seed + cycle) % len(VICTIMS)]
        with machine.serving() as (process, http):
            kill = partial(machine.kill, victim, process, chance.random())
            if victim == "start":
                time.sleep(chance.random() * LONGEST_START)
                kill()
            else:
                machine.wait(process, http)
                sending = threading.Thread(target=sent.run, args=(http,))
                sending.start()
                if not kills.aim(machine.engine(), kill):
                    time.sleep(chance.random() * LONGEST_LOAD)
                    kill()
                sending.join()
        with machine.services() as services:
            engine = services.database.engine
            kills.note(engine, victim)
            faults = Wholeness(services.database, services.jobs).inspect()
            assert faults == [], f"cycle {cycle}, {victim} killed, seed {seed}"
            base = SearchableBase(services, services.first_knowledge_base())
            assert sent.kept(services, base), f"cycle {cycle}, {victim} killed, seed {seed}"
            let_leases_end(engine)
            kills.begin(engine)
    with capsys.disabled():
        kills.check(print)
    with machine.services() as services:
        check_all(services, sent, seed)


def check_all(services: Services, sent: Changes, seed: int) -> None:
    base = SearchableBase(services, services.first_knowledge_base())
    worker = MortalWorker(services, base.base)
    for _ in range(5):
        base.execute("UPDATE jobs SET attempts = 1, not_before = '2020-01-01'")
        worker.drain()
    worker.clear()
    assert Wholeness(services.database, services.jobs).inspect() == [], f"seed {seed}"
    counts = services.jobs.counts(base.base.id)
    assert counts[JobState.READY] == counts[JobState.RUNNING] == counts[JobState.FAILED] == 0
    assert any(may != [None] for may in sent.possible.values())
    assert sent.kept(services, base), f"seed {seed}"
    (told,) = base.execute("SELECT SUM(chunks) FROM indexed_revisions WHERE state = 'live'")
    assert base.rows("chunks_{index}") == int(told[0])
